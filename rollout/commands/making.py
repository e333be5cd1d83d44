"""Commands that write something to begin from: new."""

from __future__ import annotations

from pathlib import Path

import click

from rollout.commands.speaking import example, say


@click.command(epilog=example("grind new app library\n  grind build apps/library/world.yaml"))
@click.argument("kind", type=click.Choice(["app"]))
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("apps"),
    show_default=True,
    help="The folder in which NAME is made.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one line of JSON.")
def new(kind: str, name: str, into: Path, as_json: bool) -> None:
    """Write a new app NAME: a declaration that works, a test that passes, a world to build.

    NAME has lower-case letters and digits. See docs/new-app.md.
    """
    from rollout.scaffold import new_app

    files = new_app(name, into)
    world = files[-1]
    lines = [*map(str, files), f"next: grind lock {world}; grind build {world}"]
    say(as_json, {"app": name, "files": [str(file) for file in files]}, "\n".join(lines))
