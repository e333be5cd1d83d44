"""``grind``: one command from a spec to a better policy. Results go to stdout, progress and errors to stderr."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence

import click

from app_clones.kit.errors import KitError
from factory.errors import GrindError
from rollout.commands.compiling import compile_
from rollout.commands.environments import audit, build, list_all, lock, serve_world
from rollout.commands.images import export
from rollout.commands.making import new
from rollout.commands.runs import replay, run, show, train
from rollout.commands.speaking import tell

INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="grindworks", prog_name="grind")
def cli() -> None:
    """Grindworks: specs in, certified environments, rollouts and better policies out."""


for command in (lock, build, audit, run, train, replay, show, list_all, serve_world, export, new, compile_):
    cli.add_command(command)


def execute(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code: 0, 1 (failed, or found a fault), 2 (wrong usage), 130 (interrupted).

    With ``--json``, stdout gets one line also where it fails: ``{"error", "hint"}``.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        code = cli.main(args=given, prog_name="grind", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 1
    except click.ClickException as error:
        hint = "grind --help lists commands" if isinstance(error, click.UsageError) else ""
        return _complain(given, error.exit_code, error.format_message(), hint)
    except GrindError as error:
        return _complain(given, 1, error.message, error.hint)
    except KitError as error:  # of a world that a command forks and serves itself
        return _complain(given, 1, str(error), "")
    except BrokenPipeError:  # whoever read our output has read enough
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (for the rest of the process, which flushes it at its end)
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _complain(given, 1, f"{where}{error.strerror or error}", "look at paths, rights and free space")
    except (KeyboardInterrupt, click.Abort, asyncio.CancelledError):
        return _complain(given, INTERRUPTED, "interrupted", "")


def _complain(given: Sequence[str], code: int, message: str, hint: str) -> int:
    message, hint = " ".join(message.split()), " ".join(hint.split())
    if "--json" in given:
        click.echo(json.dumps({"error": message, "hint": hint}, ensure_ascii=False))
    line = message if code == INTERRUPTED else f"error: {message}"
    tell(f"{line}  hint: {hint}" if hint else line)
    return code


def main() -> None:
    """The console script. SIGTERM ends a command as Ctrl-C does, with all that was committed sealed."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a shell's background job ignores SIGINT, not this
    sys.exit(execute())


if __name__ == "__main__":
    main()
