"""How much the demo does: all of it for ``make demo``, little of it to try the path itself."""

from __future__ import annotations

from pathlib import Path
from shutil import disk_usage
from tempfile import gettempdir

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from factory.errors import BuildError, SpecError
from rollout.learner.recipe import LearnConfig

SPECS = Path(__file__).resolve().parents[2] / "specs"


class DemoConfig(BaseModel):
    """The specs of a world and a repository; how many submissions are played in the repository, drawn by ``seed``; how
    the world is learned; the folder of report and runs; the room (MB) that there has to be for all of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    world: Path = SPECS / "mail.yaml"
    repository: Path = SPECS / "cachetools.yaml"
    submissions: int = Field(default=204, ge=1)
    seed: int = 7
    learn: LearnConfig = LearnConfig()
    out: Path = Path("out/demo")
    room_mb: int = Field(default=600, ge=0)


def check_room(config: DemoConfig, store: Path) -> None:
    """Raises BuildError at once where the disk would be full in some minutes."""
    hints = {
        store: "free some, or set GRINDWORKS_HOME to a folder on a larger disk",
        config.out: "free some, or run it from a folder on a larger disk",
        Path(gettempdir()): "free some, or set TMPDIR to a folder on a larger disk",
    }
    for folder, hint in hints.items():
        free_mb = disk_usage(folder).free >> 20
        if free_mb < config.room_mb:
            raise BuildError(f"{folder.absolute()}: {free_mb} MB are free, {config.room_mb} are needed", hint)


def read_config(path: Path | None) -> DemoConfig:
    """The configuration in a JSON file, or the demo's own. Raises SpecError naming the field that is wrong."""
    if path is None:
        return DemoConfig()
    try:
        return DemoConfig.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SpecError(f"{path}: {error.strerror}", "give a JSON file, or nothing for the whole demo") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise SpecError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
