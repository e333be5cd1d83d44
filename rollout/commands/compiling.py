"""Commands that make apps of descriptions: compile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import click
import yaml

from factory.errors import BuildError, boundary
from rollout.commands.speaking import example, open_store, say, store_option, tell

_WIDTH = 110


_NAMED = 3


def _told(refused: Mapping[str, str]) -> Iterator[str]:
    """A line for each reason, with some of the operations that are refused for it."""
    for reason in dict.fromkeys(refused.values()):
        names = [name for name, why in refused.items() if why == reason]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        yield f"refused: {', '.join(names[:_NAMED])}{more}: {reason}"


@click.command(name="compile", epilog=example("grind compile discovery:tasks:v1 --out specs/apps/tasks --prove"))
@click.argument("description")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write app.yaml into this folder.")
@click.option("--prove", "proving", is_flag=True, help="Prove the app by running each of its methods.")
@click.option("--seed", default=0, show_default=True, help="Of the proof's world and values.")
@store_option
def compile_(
    description: str, out: Path | None, proving: bool, seed: int, store_root: Path | None, as_json: bool
) -> None:
    """Make an app of DESCRIPTION: discovery:NAME:VERSION, openapi:FILE or openapi:URL.

    Without --out, app.yaml goes to stdout. With --prove, the app's certificate is kept in the store and printed; exit
    code 1 if a method fails.
    """
    from app_clones.declared.engine import declared
    from factory.compiler.describe import describe
    from factory.compiler.infer import infer

    described = describe(description)
    made = infer(described.doc)
    with boundary(BuildError, f"compile {description}"):
        declared(made.decl)  # as the loader takes it: what it would not is not written
    text = yaml.safe_dump(
        made.decl.model_dump(mode="json", exclude_defaults=True), sort_keys=False, allow_unicode=True, width=_WIDTH
    )
    written = ""
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "app.yaml").write_text(text, encoding="utf-8")
        written = str(out / "app.yaml")
        if described.text:
            # What a certificate holds the app to: the document as it was on that day.
            (out / f"source{described.suffix}").write_text(described.text, encoding="utf-8")
    for note in made.notes:
        tell(f"note: {note}")
    refused = {name: one.reason for name, one in made.decl.operations.items() if one.kind == "refused"}
    for line in _told(refused):
        tell(line)
    data = {"app": made.decl.app, "methods": len(made.decl.operations), "entities": len(made.decl.entities),
            "refused": refused}  # fmt: skip
    if not proving:
        summary = f"{written}: {data['methods']} methods on {data['entities']} entities"
        say(as_json, {**data, "written": written, "notes": list(made.notes)}, summary if written else text.rstrip("\n"))
        return
    from factory.compiler import certificate as certificates
    from factory.compiler.prove import prove
    from rollout.progress import progress

    total = len(made.decl.operations)
    name = made.decl.app
    with progress(f"proving {name}", total, quiet=as_json) as advance, boundary(BuildError, f"prove {name}"):
        found = prove(
            made.decl, document=described.doc, discovery=described.discovery, seed=seed,
            openapi=described.text, tell=lambda done, of: advance(1, ""),
        )  # fmt: skip
    kept = certificates.keep(open_store(store_root), found)
    whole = {**data, "written": written, "certificate": kept, "totals": found.totals(), "failed": [
        asdict(one) for one in found.methods if one.verdict == "failed"
    ]}  # fmt: skip
    say(as_json, whole, lambda: certificates.table(found))
    if not found.ok:
        raise SystemExit(1)
