import json
import os
import signal
import subprocess
import sys
import urllib.request
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import click
import pytest

from app_clones.declared.model import Page
from app_clones.kit.errors import KitError
from factory.build import load_suite
from factory.compiler.infer import infer
from factory.errors import PolicyError
from factory.store import Store
from factory.worlds.suite import WorldSuite
from rollout import session
from rollout.cli import cli, execute
from rollout.journal import Journal, journals
from rollout.runs import Run

ROOT = Path(__file__).parents[2]
SPEC = """\
kind: world
name: tiny
seed: 5
start: 2025-03-03T09:00:00Z
step_seconds: 60
persons: 24
apps:
  mail: {messages: 300}
tasks:
  max_steps: 8
  templates:
    label: {train: 8, heldout: 4}
    answer_fact: {train: 8, heldout: 4}
"""


class Grind:
    """Calls ``grind`` in this process, with a store and a folder of runs of its own."""

    def __init__(self, folder, capsys=None):
        self.folder, self.capsys = folder, capsys
        self.store = ["--store", str(folder / "store")]
        self.runs = ["--runs", str(folder / "runs")]

    def __call__(self, *arguments, runs=False):
        code = execute([*arguments, *self.store, *(self.runs if runs else [])])
        out, err = self.capsys.readouterr()
        return code, out, err

    def json(self, *arguments, runs=False):
        code, out, err = self(*arguments, "--json", runs=runs)
        assert code == 0, err
        assert out.count("\n") == 1
        return json.loads(out)

    def process(self, *arguments):
        command = [sys.executable, "-m", "rollout.cli", *arguments, *self.store]
        return subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grind")
    spec = folder / "tiny.yaml"
    spec.write_text(SPEC)
    grind = Grind(folder)
    assert execute(["lock", str(spec), "--json", *grind.store]) == 0
    assert execute(["build", str(spec), "--json", *grind.store]) == 0
    assert execute(["audit", "tiny", "--json", *grind.store]) == 0
    asked = ["--run", "noisy", "--policy", "noisy_oracle", "--n", "40", "--workers", "0", "--json"]
    assert execute(["run", "tiny", *asked, *grind.store, *grind.runs]) == 0
    return folder


@pytest.fixture
def grind(built, capsys):
    capsys.readouterr()
    return Grind(built, capsys)


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_has_an_example_and_json(name):
    command = cli.commands[name]
    assert f"grind {name}" in command.epilog
    assert any("--json" in option.opts for option in command.params if isinstance(option, click.Option))
    assert command.help


def test_the_commands_are_those_of_the_manual():
    making = {"new", "compile", "lock", "build", "audit", "export"}
    assert set(cli.commands) == {*making, "run", "train", "replay", "show", "ls", "serve-world"}


def test_an_app_that_cannot_be_loaded_is_not_written(tmp_path, capsys, monkeypatch):
    def infer_badly(doc):
        made = infer(doc)
        return replace(made, decl=made.decl.model_copy(update={"pages": {"nothing": Page()}}))

    monkeypatch.setattr("factory.compiler.infer.infer", infer_badly)
    code, _, err = Grind(tmp_path, capsys)("compile", "discovery:tasks:v1", "--out", str(tmp_path / "tasks"))
    assert (code, (tmp_path / "tasks").exists()) == (1, False)
    assert err == "error: compile discovery:tasks:v1: DeclError: pages.nothing: no entity nothing\n"


def test_an_app_that_no_world_can_have_is_an_error_and_no_traceback(tmp_path, capsys, monkeypatch):
    def no_world(*given, **options):
        raise KitError("no row meets this")

    monkeypatch.setattr("factory.compiler.prove.prove", no_world)
    pets = Path(__file__).parents[1] / "factory" / "openapi" / "pets.yaml"
    code, out, err = Grind(tmp_path, capsys)("compile", f"openapi:{pets}", "--prove")
    assert (code, out) == (1, "")
    assert err.splitlines()[-1] == "error: prove petshelter: KitError: no row meets this"


def test_building_again_gives_the_same_digest(grind):
    again = grind.json("build", str(grind.folder / "tiny.yaml"))
    assert again["digest"] == grind.json("ls", runs=True)["environments"]["tiny"]["digest"]
    assert again["tasks"] == 24


def test_auditing_prints_a_table_and_fails_if_a_task_does(grind):
    task = "tiny/label/t0000"
    code, out, _ = grind("audit", "tiny", "--task", task)
    assert code == 0
    assert "oracle=1" in out
    assert "distinct 1-, 2- and 3-grams" in out
    code, _, err = grind("audit", "tiny", "--task", "tiny/label/none")
    assert (code, err.startswith("error:")) == (1, True)


@pytest.mark.parametrize("asked", [["run"], ["run", "--policy", "scripted", "--payload", os.devnull], ["train"]])
def test_without_a_certificate_nothing_is_played_and_the_command_to_run_is_told(grind, tmp_path, asked):
    other = Grind(tmp_path, grind.capsys)
    digest = other.json("build", str(grind.folder / "tiny.yaml"))["digest"]
    command, *options = asked
    for name in ("tiny", digest):
        code, _, err = other(command, name, "--run", "z", "--workers", "0", *options, runs=True)
        assert code == 1
        assert err == f"error: tiny ({digest[:12]}) has no certificate  hint: run `grind audit tiny`\n"
    assert not (tmp_path / "runs").exists()


def test_a_build_that_lost_its_name_is_audited_by_its_digest(grind, tmp_path):
    other = Grind(tmp_path, grind.capsys)
    spec = tmp_path / "tiny.yaml"
    digests = []
    for seed in (5, 6):
        spec.write_text(SPEC.replace("seed: 5", f"seed: {seed}"))
        other.json("lock", str(spec), "--update")
        digests.append(other.json("build", str(spec))["digest"])
    _, _, err = other("run", digests[0], "--run", "z", "--workers", "0", runs=True)
    assert f"`grind audit {digests[0]}`" in err


def test_who_develops_an_environment_may_play_without_a_certificate_and_the_run_says_so(grind, tmp_path):
    other = Grind(tmp_path, grind.capsys)
    other.json("build", str(grind.folder / "tiny.yaml"))
    found = other.json("run", "tiny", "--run", "z", "--n", "3", "--uncertified", "--workers", "0", runs=True)
    assert (found["rollouts"], found["certified"]) == (3, False)
    assert Run.open("z", tmp_path / "runs").info["certificate"] is None
    assert "of tiny (uncertified)" in other("show", "z", runs=True)[1]
    again = other.json("run", "tiny", "--run", "z", "--resume", "--workers", "0", runs=True)
    assert (again["rollouts"], again["played"]) == (3, 0)


def test_only_tasks_whose_certificate_holds_are_played(grind, tmp_path):
    other = Grind(tmp_path, grind.capsys)
    digest = other.json("build", str(grind.folder / "tiny.yaml"))["digest"]
    kept = Store(grind.folder / "store").get_json(Store(grind.folder / "store").ref("certificate", digest))
    for one in kept["tasks"]:
        one["ok"] = one["task_id"].startswith("tiny/label/t")
    store = Store(tmp_path / "store")
    store.set_ref("certificate", digest, store.put_json(kept))
    assert other.json("run", "tiny", "--run", "z", "--n", "20", "--workers", "0", runs=True)["certified"]
    run = Run.open("z", tmp_path / "runs")
    assert {row["task_id"] for row in run.tables.rows(["task_id"])} == {f"tiny/label/t{k:04}" for k in range(8)}
    assert run.info["certificate"] == store.ref("certificate", digest)
    store.set_ref("certificate", digest, store.put_json({**kept, "tasks": []}))
    code, _, err = other("run", "tiny", "--run", "none", "--workers", "0", runs=True)
    assert (code, "has no tasks" in err) == (1, True)


def test_a_run_is_played_summed_up_and_listed(grind):
    found = grind.json("run", "tiny", "--run", "gold", "--n", "30", "--workers", "0", runs=True)
    assert (found["rollouts"], found["reward"], found["distinct_start_digests"], found["faults"]) == (30, 1.0, 1, {})
    assert "gold" in grind.json("ls", runs=True)["runs"]
    code, out, _ = grind("show", "gold", "--limit", "2", runs=True)
    assert code == 0
    assert out.count("tiny/") == 2
    again = grind.json("run", "tiny", "--run", "gold", "--resume", "--workers", "0", runs=True)
    assert (again["rollouts"], again["played"]) == (30, 0)


def test_only_tasks_of_the_split_asked_for_are_played(grind):
    grind.json("run", "tiny", "--run", "split", "--n", "20", "--split", "heldout", "--workers", "0", runs=True)
    rows = Run.open("split", grind.folder / "runs").tables.rows(["task_id"])
    assert {row["task_id"].split("/")[2][0] for row in rows} == {"h"}


def test_replaying_a_whole_run_finds_it_identical(grind):
    found = grind.json("replay", "noisy", runs=True)
    assert (found["checked"], found["identical"], found["diverged"]) == (40, 40, [])


def test_one_rollout_is_shown_replayed_taken_apart_and_forked(grind):
    [row] = grind.json("show", "noisy", "--failed", "--limit", "1", runs=True)["listed"]
    id = row["rollout_id"]
    shown = grind.json("show", "noisy", id[:12], runs=True)
    assert shown["reward"] < 1.0
    assert grind.json("replay", "noisy", id, runs=True)["identical"]
    step = grind.json("replay", "noisy", id, "--step", "1", runs=True)
    assert step["state_digest"] == shown["steps"][0]["state_digest"]
    assert any("now_ms" in line for line in step["changes"])
    picture = grind.folder / "state.png"
    code, out, _ = grind("replay", "noisy", id, "--step", "1", "--screenshot", str(picture), runs=True)
    assert (code, picture.read_bytes()[:4]) == (0, b"\x89PNG")
    assert str(picture) in out
    forked = grind.json("replay", "noisy", id, "--fork", "0", runs=True)
    assert (forked["reward"], forked["origin"]) == (1.0, {"rollout_id": id, "step": 0})
    assert grind.json("show", "noisy", forked["rollout_id"], runs=True) == forked
    assert grind.json("show", "noisy", runs=True)["rollouts"] == 40  # a fork is no rollout that was asked for


def test_a_run_whose_table_was_cut_short_says_which_file_and_what_to_do(grind):
    grind.json("run", "tiny", "--run", "cut", "--n", "5", "--workers", "0", runs=True)
    part = grind.folder / "runs" / "cut" / "tables" / "rollouts" / "part-00000.parquet"
    part.write_bytes(part.read_bytes()[:-100])
    code, _, err = grind("show", "cut", runs=True)
    assert code == 1
    assert str(part) in err
    assert "--resume" in err
    for file in part.parents[1].rglob("part-00000.parquet"):  # as the hint says
        file.unlink()
    assert grind.json("run", "tiny", "--run", "cut", "--resume", "--workers", "0", runs=True)["rollouts"] == 5


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["run", "nope", "--run", "x", "--workers", "0"], 1, "no environment 'nope'"),
        (["run", "tiny", "--run", "a/b", "--workers", "0"], 1, "no name for a run"),
        (["run", "tiny", "--run", "noisy", "--workers", "0"], 1, "is there already"),
        (["run", "tiny", "--run", "nope", "--resume", "--workers", "0"], 1, "no run nope"),
        (["run", "tiny", "--run", "y", "--policy", "wizard", "--workers", "0"], 1, "no policy of kind 'wizard'"),
        (["run", "tiny"], 2, "--run"),
        (["replay", "nope"], 1, "no run nope"),
        (["replay", "noisy", "--step", "1"], 2, "need the ID"),
        (["replay", "noisy", "ffffffffffff"], 1, "has no rollout"),
        (["show", "noisy", "ffffffffffff"], 1, "has no rollout"),
        (["replay", "noisy", "ff", "--step", "1", "--fork", "1"], 2, "one at a time"),
        (["replay", "noisy", "ff", "--screenshot", "x.png"], 2, "goes with --step"),
        (["replay", "noisy", "ff", "--step", "1", "--page", "/mail/"], 2, "--page with --screenshot"),
        (["show", "a" * 300], 1, "too long"),
        (["run", "tiny", "--run", "y", "--n", "-5"], 2, "--n"),
        (["run", "tiny", "--run", "y", "--workers", "-1"], 2, "--workers"),
        (["run", "tiny", "--run", "y", "--temperature", "nan", "--workers", "0"], 2, "not a number"),
        (["run", "tiny", "--run", "y", "--policy", "noisy_oracle", "--noise", "7"], 2, "--noise"),
        (["run", "tiny", "--run", "y", "--policy", "scripted", "--payload", __file__], 1, "make the scripted policy"),
        (["run", "tiny", "--run", "y", "--noise", "0.5", "--workers", "0"], 2, "--noise is for"),
        (["run", "tiny", "--run", "noisy", "--resume", "--n", "9", "--workers", "0"], 2, "leave out --n"),
        (["run", "tiny", "--run", "noisy", "--resume", "--policy", "oracle"], 2, "leave out --policy"),
        (["train", "tiny", "--run", "noisy", "--resume", "--workers", "0"], 1, "was not made by `grind train`"),
        (["serve-world", "tiny", "--port", "99999"], 2, "--port"),
        (["build", "nope.yaml"], 1, "nope.yaml"),
        (["frobnicate"], 2, "frobnicate"),
    ],
)
def test_an_error_is_one_line_with_a_hint_and_no_traceback(grind, arguments, code, says):
    for more in ([], ["--json"]):
        found, out, err = grind(*arguments, *more, runs=arguments[0] in ("run", "replay", "show", "train"))
        assert found == code
        lines = [line for line in err.splitlines() if line]
        assert len(lines) == 1
        assert lines[0].startswith("error: ")
        assert says in lines[0]
        if more:
            assert out.count("\n") == 1
            assert says in json.loads(out)["error"]
        else:
            assert out == ""


def test_a_world_that_cannot_be_forked_is_an_error_of_one_line(grind, monkeypatch):
    def fork_world(suite):
        raise KitError("the snapshot has other tables")

    monkeypatch.setattr(WorldSuite, "fork_world", fork_world)
    code, _, err = grind("serve-world", "tiny")
    assert (code, err) == (1, "error: the snapshot has other tables\n")


def test_a_policy_that_cannot_be_made_does_not_take_the_runs_name(grind):
    asked = ["run", "tiny", "--run", "twice", "--n", "2", "--workers", "0"]
    assert grind(*asked, "--policy", "wizard", runs=True)[0] == 1
    assert grind.json(*asked, runs=True)["rollouts"] == 2


@pytest.mark.parametrize("policy", ["oracle", "noisy_oracle"])
def test_a_policy_of_words_is_refused_where_there_are_pictures_alone_before_anything_is_played(
    grind, monkeypatch, policy
):
    monkeypatch.setattr(
        session, "served", lambda *_, **__: replace(load_suite(Store(grind.folder / "store"), "tiny"), view="pixels")
    )
    asked = ["run", "tiny", "--run", "blind", "--n", "1", "--workers", "0", "--policy"]
    code, _, err = grind(*asked, policy, runs=True)
    assert code == 1
    assert "in pictures alone" in err
    assert "--policy scripted" in err
    assert not (grind.folder / "runs" / "blind").exists()


def test_a_run_of_nothing_but_faults_fails_and_they_are_told(grind, monkeypatch):
    def lost(*_):
        raise PolicyError("the model's server is gone")

    monkeypatch.setattr(WorldSuite, "oracle", lost)
    assert grind("run", "tiny", "--run", "lost", "--n", "1", "--workers", "0", runs=True)[0] == 1
    rollout = grind.json("show", "lost", runs=True)["listed"][0]["rollout_id"]
    assert "PolicyError: the model's server is gone" in grind("show", "lost", rollout, runs=True)[1]
    assert grind.json("show", "lost", rollout, runs=True)["fault"]["kind"] == "PolicyError"


def test_a_folder_of_runs_that_cannot_be_written_is_an_error(grind):
    code, _, err = grind("run", "tiny", "--run", "y", "--workers", "0", "--runs", "/proc/nope")
    assert (code, "Traceback" in err) == (1, False)
    assert err.startswith("error: /proc/nope/y: cannot be written")


def test_what_a_killed_driver_left_in_its_journal_is_replayed_too(grind):
    source = Run.open("noisy", grind.folder / "runs")
    killed = Run.create("killed", {k: v for k, v in source.info.items() if k != "name"}, grind.folder / "runs")
    with Journal(killed.journal_folder / "local-0000.journal") as journal:
        journal.commit(list(source.trajectories())[:3])
    assert grind.json("show", "killed", runs=True)["unsealed"] == 3
    assert "3 more are committed" in grind("show", "killed", runs=True)[1]
    found = grind.json("replay", "killed", runs=True)
    assert (found["checked"], found["identical"]) == (3, 3)


def test_a_reader_that_has_read_enough_is_no_error(grind):
    command = f"'{sys.executable}' -m rollout.cli --help | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert "Traceback" not in done.stderr


def test_an_id_that_starts_several_rollouts_is_refused(grind):
    code, _, err = grind("show", "noisy", "", runs=True)
    assert code == 1
    assert "give more digits" in err


def test_a_flipped_bit_in_the_store_stops_a_run_with_its_name(grind, tmp_path):
    other = Grind(tmp_path, grind.capsys)
    spec = str(grind.folder / "tiny.yaml")
    digest = other.json("build", spec)["digest"]
    store = Store(tmp_path / "store")
    snapshot = store.get_json(digest)["snapshot"][0]
    path = store.path(snapshot)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(bytes(data))
    code, _, err = other("run", "tiny", "--run", "z", "--uncertified", "--workers", "0", runs=True)
    assert code == 1
    assert snapshot in err
    assert "was altered" in err


def test_sigterm_ends_a_background_job_of_a_shell_too(grind):
    served = f"'{sys.executable}' -m rollout.cli serve-world tiny {' '.join(grind.store)}"
    command = f"{served} & read line; kill -TERM $!; wait $!"
    options = {
        "cwd": ROOT,
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "text": True,
        "start_new_session": True,
    }
    with subprocess.Popen(["bash", "-c", command], **options) as shell:
        try:
            assert "apps" in shell.stdout.readline()
            shell.stdin.write("go\n")
            shell.stdin.flush()
            assert shell.wait(timeout=60) == 130
        finally:
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)


def test_ctrl_c_seals_what_was_committed_and_leaves_with_130(grind):
    runs = grind.folder / "runs"
    asked = ["run", "tiny", "--run", "long", "--n", "200000", "--workers", "0", "--runs", str(runs)]
    with grind.process(*asked) as process:
        while process.poll() is None and not _has_commits(runs / "long" / "journal"):
            pass
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=120) == 130
        assert process.stderr.read().splitlines()[-1] == "interrupted"
    run = Run.open("long", runs)
    assert journals(run.journal_folder) == []
    assert 0 < len(run.tables.ids()) < 200_000


def _has_commits(folder):
    return any(path.stat().st_size > 50_000 for path in folder.glob("*-wal"))


def test_serve_world_prints_one_json_line_and_serves_until_ctrl_c(grind):
    with grind.process("serve-world", "tiny") as process:
        apps = json.loads(process.stdout.readline())["apps"]
        assert set(apps["mail"]) == {"url", "api", "token"}
        request = urllib.request.Request(f"{apps['mail']['api']}gmail/v1/users/me/profile")
        request.add_header("Authorization", f"Bearer {apps['mail']['token']}")
        with urllib.request.urlopen(request) as answer:
            assert json.load(answer)["messagesTotal"] > 0
        with urllib.request.urlopen(apps["mail"]["url"]) as page:
            assert b"<html" in page.read()
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert process.stdout.read() == ""
        assert "Traceback" not in process.stderr.read()


def test_serve_world_shows_people_the_state_where_they_ask_for_it(grind):
    with grind.process("serve-world", "tiny", "--admin") as process:
        address = json.loads(process.stdout.readline())["admin"]
        with urllib.request.urlopen(address) as page:
            assert b"mail_message" in page.read()
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=60) == 130


def test_a_port_that_is_taken_is_an_error(grind):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, _, err = grind("serve-world", "tiny", "--port", str(taken.getsockname()[1]))
    assert (code, err.startswith("error: cannot serve on port")) == (1, True)
