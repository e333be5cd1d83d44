"""The same build and the same actions give the same digests in another process, hash seed, zone, locale and year."""

import json
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import hashlib, json
from app_clones.kit.sample import BOARD
from app_clones.kit.world import World
from app_clones.notes import NOTES
world = World.build((BOARD, NOTES), seed=11, start_ms=1_700_000_000_000, step_ms=777, persons=9)
seen = [hashlib.sha256(world.snapshot()).hexdigest(), world.state_digest]
for tool, arguments in [
    ("board_draw", {}), ("board_remind", {"id": 2, "minutes": 3, "times": 2}), ("board_tag", {"id": 1, "name": "new"}),
    ("clock_wait", {"minutes": 60}), ("board_find", {"text": "again"}), ("nope", {}), ("board_draw", {}),
    ("notes_create", {"text": "ä"}), ("notes_list", {}), ("task_submit", {"answer": "done"}),
]:
    step = world.call(tool, arguments)
    seen += [step.result.text, step.state_digest, hashlib.sha256(step.changeset).hexdigest()]
print(json.dumps([*seen, world.anchor_digest(), world.full_digest()]))
"""


def replay(**environment):
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), **environment},
        capture_output=True,
        check=True,
        text=True,
    )
    return json.loads(done.stdout)


def test_replays_in_other_processes_hash_seeds_zones_and_locales_are_identical():
    first = replay(PYTHONHASHSEED="0", TZ="UTC", LC_ALL="C.UTF-8")
    second = replay(PYTHONHASHSEED="12345", TZ="Asia/Kathmandu", LC_ALL="C")
    assert len(first) == 34
    assert first == second
