"""What all commands share: their options, and how they print."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from factory.store import Store, default_root
from rollout.runs import ROOT


def example(text: str) -> str:
    """An epilog that click leaves as it is."""
    return f"\b\nExample:\n  {text}"


def store_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--store``, ``--json`` of every command."""
    command = click.option(
        "--store",
        "store_root",
        type=click.Path(path_type=Path),
        default=None,
        help="Where built environments live (default: $GRINDWORKS_HOME, else ~/.local/share/grindworks).",
    )(command)
    return click.option("--json", "as_json", is_flag=True, help="Print the result as one line of JSON.")(command)


def runs_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--runs``: the folder of runs."""
    return click.option(
        "--runs", type=click.Path(path_type=Path), default=ROOT, show_default=True, help="The folder of runs."
    )(command)


def workers_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--workers`` of what plays rollouts."""
    text = "Ray workers; 0 plays in this process, without Ray."
    return click.option("--workers", type=click.IntRange(0), default=2, show_default=True, help=text)(command)


def uncertified_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--uncertified`` of what plays tasks."""
    text = "Play all tasks, without a certificate: for developing ENV. The run says so."
    return click.option("--uncertified", is_flag=True, help=text)(command)


def open_store(root: Path | None) -> Store:
    """The store asked for."""
    return Store(root or default_root())


def say(as_json: bool, data: Any, text: str | Callable[[], str]) -> None:
    """Prints the result: ``data`` as one line of JSON, or ``text``."""
    click.echo(json.dumps(data, ensure_ascii=False) if as_json else text if isinstance(text, str) else text())


def tell(line: str) -> None:
    """A line of what goes on."""
    click.echo(line, err=True)
