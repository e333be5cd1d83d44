"""What an action needs to know of the element that it is aimed at, told the same way by both drivers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """What a click on an element would reach: the innermost interactive element it is or lies in.

    Of a label it is the control that it labels. ``tag`` is "" where there is none. ``options``: value, label and
    whether it can be selected, of every option of a select.
    """

    tag: str = ""
    type: str = ""
    disabled: bool = False
    read_only: bool = False
    checked: bool = False
    multiple: bool = False
    label: bool = False
    options: tuple[tuple[str, str, bool], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", tuple((str(v), str(t), bool(e)) for v, t, e in self.options))


#: A function of the element, for real browsers. What it returns are the arguments of :class:`Target`.
PROBE = """element => {
  const none = {tag: ''};
  let found = element.closest('a[href], button, input, select, textarea, summary, label');
  if (!found) return none;
  const label = found.localName === 'label';
  if (label && !found.control) return none;
  if (found.localName === 'summary') {
    const details = found.parentElement;
    if (details.localName !== 'details' || details.querySelector(':scope > summary') !== found) return none;
  }
  if (label) found = found.control;
  const stated = found.closest('[aria-disabled="true" i], [aria-disabled="false" i]');
  const tag = found.localName;
  return {
    tag, label,
    type: ['input', 'button'].includes(tag) ? found.type : '',
    disabled: found.matches(':disabled') || (tag !== 'summary' && !!stated && stated.ariaDisabled === 'true'),
    read_only: !!found.readOnly,
    checked: !!found.checked,
    multiple: !!found.multiple,
    options: tag === 'select' ? [...found.options].map(o => [o.value, o.label, !o.matches(':disabled')]) : [],
  };
}"""
