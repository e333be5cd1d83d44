"""Varied pages within the linted subset, each a pure function of a seed: what both drivers must see alike."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from random import Random

from app_clones.kit.seeds import derive

WORDS = (
    "Invoice", "order", "42", "3.50", "true", "null", "no", "- dash", "# hash", "key: value", "a#b", "50%", "@home",
    "[bracket]", "{brace}", "`tick`", '"quoted"', "it's", "back\\slash", "<angle>", "Fish & chips", "&amp;", "über",
    "naïve", "日本語", "שלום", "مرحبا", "e\u0301clair", "👩‍👩‍👧 family", "🙂", "tab\there", "two  blanks",
    "non\u00a0breaking",
    "soft\u00adhyphen", "zero\u200bwidth", "line\nbreak", "* star", "? ask", "! bang", "| pipe", "> more", "%percent",
    "trailing:", "~", "1e5", "0x1F", "Infinity", "-5", "+7", ".5", "yes", "off", "y", "end.", "…", "—", "“curly”",
    "2026-03-01", "12:30", "user@example.com", "https://example.com/a?b=c#d", "C:\\temp", "a, b", "x=1", "$5", "’s",
)  # fmt: skip

SHEETS = (
    "",
    """
    .row { display: flex; gap: 8px } .grid { display: grid } .pick { cursor: pointer } .off { display: none }
    .unseen { visibility: hidden } .seen { visibility: visible } .ghost { pointer-events: none }
    .chip { display: inline-block } button { cursor: pointer } button:disabled { cursor: default }
    ul.plain { list-style: none; padding: 0 } ul.plain > li { display: flex; gap: 4px }
    nav a { display: block } .card[hidden] { display: none } [data-kind="x"] span { display: block }
    """,
    """
    * { box-sizing: border-box } body { font: 14px/1.4 sans-serif; margin: 0 }
    .row, .grid { display: inline-flex } .row a:not(.chip) { cursor: default }
    .pick, .pick * { cursor: pointer } .off { display: none !important } .unseen { visibility: hidden }
    .seen { visibility: visible } .ghost { pointer-events: none } .ghost .chip { pointer-events: auto }
    label { cursor: pointer } th { text-align: left } td, th { padding: 4px } summary { cursor: pointer }
    p.chip { display: inline }
    """,
)

INPUT_TYPES = (
    "text", "search", "email", "tel", "url", "password", "number", "range", "color", "date", "time", "datetime-local",
    "month", "week", "checkbox", "radio", "submit", "reset", "button", "hidden", "file",
)  # fmt: skip

_VALUES = {
    "number": ("", "3", "-2.5", "1e2", "abc"),
    "range": ("", "30", "7.5", "500", "x"),
    "color": ("", "#ff8800", "#ABCDEF"),
    "date": ("", "2026-02-28", "2026-02-30"),
    "time": ("", "09:30", "9:30", "23:59:01"),
    "datetime-local": ("", "2026-02-28T09:30", "2026-02-28 09:30", "2026-02-28T09:30:00"),
    "month": ("", "2026-02", "2026-13"),
    "week": ("", "2026-W09", "2026-W54"),
    "email": ("", "ana@example.com", " ana@example.com "),
    "url": ("", "https://example.com/", "  x "),
}

Block = Callable[["Maker", int], str]


class Maker:
    """Draws one page. ``depth`` of a block counts what it lies in, and bounds how much it may hold."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(derive(seed, "browser-page"))
        self.ids: list[str] = []
        self.count = 0
        self.in_form = False

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def text(self, most: int = 4) -> str:
        words = [self.rng.choice(WORDS) for _ in range(self.rng.randint(1, most))]
        joint = self.rng.choice((" ", " ", " ", "  ", "\n", ""))
        return escape(joint.join(words), quote=False)

    def attribute(self) -> str:
        return escape(" ".join(self.rng.choice(WORDS) for _ in range(self.rng.randint(1, 3))))

    def new_id(self) -> str:
        self.count += 1
        self.ids.append(f"i{self.count}")
        return self.ids[-1]

    def attrs(self, *fixed: str) -> str:
        """Some of the attributes that any element may have."""
        found = [one for one in fixed if one]
        rng = self.rng
        for share, make in (
            (
                0.15,
                lambda: f'class="{rng.choice(("row", "grid", "pick", "chip", "ghost", "seen", "unseen", "plain"))}"',
            ),
            (0.04, lambda: f'class="{rng.choice(("row", "pick"))} {rng.choice(("chip", "ghost"))}"'),
            (0.06, lambda: f'aria-label="{self.attribute()}"'),
            (0.05, lambda: f'title="{self.attribute()}"'),
            (0.03, lambda: 'aria-hidden="true"'),
            (0.02, lambda: "hidden"),
            (0.02, lambda: 'class="off"'),
            (0.02, lambda: f'data-kind="{rng.choice("xy")}"'),
            (0.03, lambda: f'style="{rng.choice(_STYLES)}"'),
            (
                0.03,
                lambda: f'aria-labelledby="{rng.choice(self.ids) if self.ids else "none"} {rng.choice(("", "i1"))}"',
            ),
            (0.02, lambda: f'aria-describedby="{rng.choice(self.ids) if self.ids else "none"}"'),
            (0.02, lambda: 'aria-roledescription="thing"'),
            (0.02, lambda: 'aria-live="polite"'),
        ):
            if self.chance(share):
                name = make().partition("=")[0]
                if not any(one.partition("=")[0] == name for one in found):
                    found.append(make())
        if self.chance(0.1) and not any(one.startswith("id=") for one in found):
            found.append(f'id="{self.new_id()}"')
        return "".join(f" {one}" for one in found)

    def inline(self, depth: int = 0, link: bool = True) -> str:
        """Text with markup in it. ``link``: may it hold links and controls?"""
        parts = []
        for _ in range(self.rng.randint(1, 3)):
            kind = self.rng.randrange(14 if depth < 3 else 4)
            if kind < 5:
                parts.append(self.text())
            elif kind < 7:
                tag = self.rng.choice(("span", "b", "i", "small", "u", "s", "kbd", "abbr", "cite"))
                parts.append(f"<{tag}{self.attrs()}>{self.inline(depth + 1, link)}</{tag}>")
            elif kind < 9:
                tag = self.rng.choice(("strong", "em", "code", "mark", "del", "ins", "sub", "sup", "time", "dfn"))
                parts.append(f"<{tag}{self.attrs()}>{self.inline(depth + 1, link)}</{tag}>")
            elif kind == 9:
                parts.append(f"{self.text(1)}<br>{self.text(1)}")
            elif kind == 10:
                alt = self.rng.choice(("", self.attribute(), self.attribute()))
                extra = self.rng.choice(("", f' title="{self.attribute()}"', ""))
                parts.append(f'<img src="/dot.png" width="12" height="12" alt="{alt}"{extra}>')
            elif kind == 11 and link:
                parts.append(self.link(depth + 1))
            elif kind == 12 and link:
                parts.append(self.button(depth + 1))
            else:
                parts.append(f"<span{self.attrs()}>{self.text(2)}</span>")
            parts.append(self.rng.choice(("", " ", "\n  ", "<!-- a remark -->" if self.chance(0.2) else " ")))
        return "".join(parts)

    def link(self, depth: int) -> str:
        href = self.rng.choice(
            ("/a", "/b?x=1&amp;y=2", "#i1", "https://example.com/", "mailto:a@b.c", "data:text/plain,abc")
        )
        current = 'aria-current="page"' if self.chance(0.1) else ""
        wrap = self.rng.choice(("", "", "div"))
        inner = self.inline(depth + 1, link=False)
        return f'<a href="{href}"{self.attrs(current)}>{f"<{wrap}>{inner}</{wrap}>" if wrap else inner}</a>'

    def button(self, depth: int) -> str:
        state = self.rng.choice(
            ("", "", "", "disabled", 'aria-pressed="true"', 'aria-pressed="mixed"', 'aria-expanded="true"',
             'aria-expanded="false"', 'aria-disabled="true"', 'aria-haspopup="menu"', 'type="button"')
        )  # fmt: skip
        return f"<button{self.attrs(state)}>{self.inline(depth + 1, link=False)}</button>"

    def blocks(self, depth: int, least: int = 1, most: int = 3) -> str:
        joint = self.rng.choice(("", "\n", "\n    "))
        return joint.join(self.block(depth) for _ in range(self.rng.randint(least, most)))

    def block(self, depth: int) -> str:
        choices = _BLOCKS if depth < 4 else _LEAVES
        return self.rng.choice(choices)(self, depth + 1)


_STYLES = (
    "display: flex", "display: none", "visibility: hidden", "cursor: pointer", "pointer-events: none", "color: red",
    "display: block", "display: inline-block", "cursor: default", "visibility: visible", "display:inline",
)  # fmt: skip


def _heading(m: Maker, depth: int) -> str:
    level = m.rng.randint(1, 6)
    return f"<h{level}{m.attrs()}>{m.inline()}</h{level}>"


def _role_heading(m: Maker, depth: int) -> str:
    return f'<div role="heading" aria-level="{m.rng.randint(1, 9)}"{m.attrs()}>{m.inline()}</div>'


def _paragraph(m: Maker, depth: int) -> str:
    tag = m.rng.choice(("p", "p", "div", "address", "pre", "blockquote"))
    return f"<{tag}{m.attrs()}>{m.inline()}</{tag}>"


def _list(m: Maker, depth: int) -> str:
    tag = m.rng.choice(("ul", "ol", "menu"))
    role = m.rng.choice(("", "", "", 'role="none"', 'role="list"', 'role="presentation"', 'role="listbox"'))
    items = []
    for _ in range(m.rng.randint(1, 4)):
        inner = m.inline() if depth > 3 or m.chance(0.6) else m.blocks(depth, 1, 2)
        inside = m.rng.choice(("", "", "", 'aria-level="2"', f'aria-posinset="{m.rng.randint(1, 4)}"'))
        items.append(f"<li{m.attrs(inside)}>{inner}</li>")
    return f"<{tag}{m.attrs(role)}>\n{''.join(items)}\n</{tag}>"


def _table(m: Maker, depth: int) -> str:
    columns = m.rng.randint(1, 4)
    caption = f"<caption{m.attrs()}>{m.inline()}</caption>" if m.chance(0.4) else ""
    head = ""
    if m.chance(0.7):
        scope = m.rng.choice(("", ' scope="col"'))
        sort = ' aria-sort="ascending"' if m.chance(0.1) else ""
        head = f"<thead><tr>{''.join(f'<th{scope}{sort}>{m.inline(2)}</th>' for _ in range(columns))}</tr></thead>"
    rows = []
    for _ in range(m.rng.randint(1, 4)):
        cells = []
        left = columns
        while left > 0:
            span = m.rng.randint(1, left) if m.chance(0.15) else 1
            left -= span
            tag = "th" if not cells and m.chance(0.4) else "td"
            scope = ' scope="row"' if tag == "th" and m.chance(0.5) else ""
            colspan = f' colspan="{span}"' if span > 1 else ""
            inner = "" if m.chance(0.08) else m.inline(1)
            cells.append(f"<{tag}{scope}{colspan}{m.attrs() if m.chance(0.2) else ''}>{inner}</{tag}>")
        selected = ' aria-selected="true"' if m.chance(0.1) else ""
        rows.append(f"<tr{selected}>{''.join(cells)}</tr>")
    role = m.rng.choice(("", "", "", "", 'role="presentation"', 'role="grid"', 'role="treegrid"'))
    foot = f"<tfoot><tr><td>{m.text()}</td></tr></tfoot>" if m.chance(0.15) else ""
    body = "".join(rows)
    return f"<table{m.attrs(role)}>{caption}{head}<tbody>{body}</tbody>{foot}</table>"


def _control(m: Maker, depth: int) -> str:
    kind = m.rng.randrange(10)
    flags = "".join(f" {flag}" for flag in ("disabled", "required", "readonly") if m.chance(0.08))
    if m.chance(0.1):
        flags += f' aria-invalid="{m.rng.choice(("true", "false", "spelling", "yes"))}"'
    if m.chance(0.2):
        flags += f' placeholder="{m.attribute()}"'
    if kind < 6:
        type_ = m.rng.choice(INPUT_TYPES)
        value = m.rng.choice(_VALUES.get(type_, ("", m.attribute())))
        if type_ in ("checkbox", "radio"):
            flags += " checked" if m.chance(0.4) else ""
            flags += f' name="{m.rng.choice(("one", "two"))}"' if type_ == "radio" else ""
        given = f' value="{value}"' if type_ != "file" and m.chance(0.7) else ""
        list_ = ' list="choices"' if m.chance(0.1) else ""
        return f'<input type="{type_}"{given}{list_}{flags}{{id}}>'
    if kind < 8:
        return f"<textarea{flags}{{id}}>{m.text() if m.chance(0.6) else ''}</textarea>"
    many = m.rng.choice(("", "", "", " multiple", ' size="3"'))
    options = []
    for _ in range(m.rng.randint(1, 4)):
        marks = "".join(f" {flag}" for flag in ("selected", "disabled") if m.chance(0.2))
        option = (
            f"<option{marks}{f' value={chr(34)}{m.attribute()}{chr(34)}' if m.chance(0.4) else ''}>{m.text(2)}</option>"
        )
        options.append(f'<optgroup label="{m.attribute()}">{option}</optgroup>' if m.chance(0.2) else option)
    return f"<select{many}{flags}{{id}}>{''.join(options)}</select>"


def _field(m: Maker, depth: int) -> str:
    control = _control(m, depth).replace("{", "{{").replace("}", "}}").replace("{{id}}", "{id}")
    style = m.rng.randrange(5)
    if style == 0:
        id_ = m.new_id()
        return f'<label for="{id_}"{m.attrs()}>{m.inline(2, False)}</label> ' + control.format(id=f' id="{id_}"')
    if style == 1:
        return f"<label{m.attrs()}>{m.inline(2, False)} {control.format(id='')}</label>"
    if style == 2:
        id_ = m.new_id()
        after = f' <label for="{id_}">{m.inline(2, False)}</label>'
        return control.format(id=f' id="{id_}"') + after
    if style == 3:
        return control.format(id=f' aria-label="{m.attribute()}"')
    id_ = m.new_id()
    return f'<span id="{id_}">{m.inline(2, False)}</span>' + control.format(id=f' aria-labelledby="{id_}"')


def _form(m: Maker, depth: int) -> str:
    if m.in_form:
        return _field(m, depth)
    m.in_form = True
    fields = "".join(f"<div{m.attrs()}>{_field(m, depth)}</div>" for _ in range(m.rng.randint(1, 4)))
    if m.chance(0.4):
        disabled = " disabled" if m.chance(0.2) else ""
        fields = f"<fieldset{disabled}{m.attrs()}><legend>{m.inline(2)}</legend>{fields}</fieldset>"
    m.in_form = False
    role = m.rng.choice(("", "", 'role="search"', 'aria-label="A form"'))
    return f'<form method="post" action="/f"{m.attrs(role)}>{fields}{m.button(depth)}</form>'


def _section(m: Maker, depth: int) -> str:
    tag = m.rng.choice(("section", "article", "aside", "nav", "header", "footer", "div", "div", "main", "search"))
    return f"<{tag}{m.attrs()}>{m.blocks(depth)}</{tag}>"


def _details(m: Maker, depth: int) -> str:
    opened = "open" if m.chance(0.4) else ""
    summary = f"<summary{m.attrs()}>{m.inline(1, False)}</summary>" if m.chance(0.9) else ""
    return f"<details{m.attrs(opened)}>{summary}{m.blocks(depth)}{m.text() if m.chance(0.3) else ''}</details>"


def _figure(m: Maker, depth: int) -> str:
    caption = f"<figcaption>{m.inline()}</figcaption>" if m.chance(0.7) else ""
    return f'<figure{m.attrs()}><img src="/dot.png" alt="{m.attribute()}" width="20" height="20">{caption}</figure>'


def _definitions(m: Maker, depth: int) -> str:
    pairs = "".join(
        (f"<div{m.attrs()}>" if (wrapped := m.chance(0.3)) else "")
        + f"<dt{m.attrs()}>{m.inline()}</dt><dd>{m.inline()}</dd>"
        + ("</div>" if wrapped else "")
        for _ in range(m.rng.randint(1, 3))
    )
    return f"<dl{m.attrs(m.rng.choice(('', '', 'role=none')))}>{pairs}</dl>"


def _dialog(m: Maker, depth: int) -> str:
    opened = "open" if m.chance(0.7) else ""
    return f"<dialog{m.attrs(opened, 'style=position:static')}>{m.blocks(depth)}</dialog>"


def _gauge(m: Maker, depth: int) -> str:
    value = m.rng.choice(("", ' value="0.4"', ' value="3" max="10"'))
    return m.rng.choice(
        (
            f"<progress{value}{m.attrs()}></progress>",
            f"<label>{m.text(2)} <meter{value}></meter></label>",
            f"<output{m.attrs()}>{m.text()}</output>",
            "<hr>",
            f'<div role="progressbar" aria-valuenow="4" aria-label="{m.attribute()}">{m.text(1)}</div>',
        )
    )


def _widget(m: Maker, depth: int) -> str:
    state = m.rng.choice(
        ('aria-checked="true"', 'aria-checked="mixed"', 'aria-selected="true"', 'aria-expanded="true"', "")
    )
    role = m.rng.choice(
        ("checkbox", "switch", "tab", "treeitem", "menuitem", "menuitemcheckbox", "alert", "status", "note", "toolbar",
         "group", "region", "img", "button", "link", "tooltip", "row", "log", "nonsense", "none", "dialog", "textbox",
         "combobox", "slider", "option", "radio", "separator", "article", "banner", "term", "generic", "BUTTON",
         "nonsense button")
    )  # fmt: skip
    tag = m.rng.choice(("div", "span", "p"))
    return f'<{tag} role="{role}"{m.attrs(state)}>{m.inline()}</{tag}>'


def _loose(m: Maker, depth: int) -> str:
    return m.inline()


_LEAVES: tuple[Block, ...] = (_heading, _paragraph, _field, _gauge, _widget, _loose, _role_heading)
_BLOCKS: tuple[Block, ...] = (
    _heading, _paragraph, _paragraph, _list, _list, _table, _table, _form, _form, _section, _section, _section,
    _details, _figure, _definitions, _dialog, _gauge, _widget, _widget, _loose, _field,
)  # fmt: skip


def page(seed: int) -> str:
    """The whole HTML text of page ``seed``."""
    m = Maker(seed)
    sheet = SHEETS[seed % len(SHEETS)]
    parts = [m.blocks(0, 2, 5)]
    if m.chance(0.5):
        parts.insert(0, f"<header{m.attrs()}>{m.blocks(1)}</header>")
    if m.chance(0.5):
        parts.append(f"<footer{m.attrs()}>{m.blocks(2)}</footer>")
    choices = '<datalist id="choices"><option>one</option><option>two</option></datalist>'
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Page {seed}</title>'
        f"<style>{sheet}</style></head>\n<body>\n{choices}{''.join(parts)}\n</body></html>"
    )
