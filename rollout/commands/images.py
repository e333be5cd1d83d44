"""The command that makes container images of worlds."""

from __future__ import annotations

from pathlib import Path

import click

from rollout.commands.speaking import example, open_store, say, store_option, tell


@click.command(epilog=example("grind export mail --out mail.tar && docker load -i mail.tar"))
@click.argument("env")
@click.option("--out", type=click.Path(path_type=Path), help="The archive; by default ENV.tar here.")
@click.option("--relock", is_flag=True, help="Decide the versions of the image's base anew.")
@store_option
def export(env: str, out: Path | None, relock: bool, store_root: Path | None, as_json: bool) -> None:
    """Export the world ENV as an OCI image that serves it on port 8000, with a view of its state under /admin/."""
    from factory.image.base import locked_base
    from factory.image.export import PORT
    from factory.image.export import export as exporting

    store, report = open_store(store_root), None if as_json else tell
    image = exporting(store, env, lock=locked_base(store, update=relock, report=report), report=report)
    path = out or Path(f"{env}.tar")
    path.write_bytes(image.archive)
    data = {"image": image.tag, "archive": str(path), "sha256": image.digest, "bytes": len(image.archive)}
    say(
        as_json,
        data,
        f"{path}: {image.tag}\ndocker load -i {path} && docker run -p 127.0.0.1:{PORT}:{PORT} {image.tag}",
    )
