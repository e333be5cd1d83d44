import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from simulator import mixed, simulate, violations, wanted
from toy_suite import ToyEnvironment, VariedSuite

from factory.environment import Fault
from rollout.journal import Journal, committed_ids, journals
from rollout.pools import LocalPool, PlayOptions
from rollout.runs import Run

DRIVER = Path(__file__).with_name("driver.py")


def make_run(folder, suite):
    return Run.create("sim", {"env_name": "toy", "environment": suite.digest}, folder)


def start(folder, *options, **popen):
    command = [sys.executable, str(DRIVER), str(folder), "sim", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **popen)


def committed(folder):
    return set().union(*(committed_ids(path) for path in journals(folder / "sim" / "journal")))


def wait_for_commits(folder, process, least):
    for _ in range(6000):
        if process.poll() is not None:
            pytest.fail(f"the driver ended too early: {process.stderr.read()}")
        if len(committed(folder)) >= least:
            return
        time.sleep(0.01)
    pytest.fail("nothing was committed")


def processes_of(session):
    """Processes of a session or with one of its ids as parent, by what they are called."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, fields = stat.read_text().rsplit(")", 1)
        except OSError:
            continue
        if int(fields.split()[3]) == session and fields.split()[0] != "Z":
            found.append(name.partition("(")[2])
    return found


def left_after_a_while(session):
    """What is left of a session once it had some time to end.

    Two helpers of Ray's look for their dead cluster for a minute before they give up, whatever its settings; they do
    no work and hold no state, so they are left out.
    """
    helpers = ("ray::DashboardA", "ray::RuntimeEnv")
    for _ in range(1000):
        left = [name for name in processes_of(session) if name not in helpers]
        if not left:
            break
        time.sleep(0.02)
    return left


async def test_a_run_without_faults_breaks_no_invariant(toy, tmp_path):
    run = make_run(tmp_path, toy)
    delivered = await simulate(toy, run)
    assert await violations(toy, run, 200, delivered=delivered) == []


def in_mount_namespace(script):
    """Runs a shell script whose mounts nobody else sees."""
    root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return subprocess.run(["unshare", *root, "--mount", "bash", "-c", script], capture_output=True, text=True)


class FailingEnvironment(ToyEnvironment):
    """Loses its machine now and then: every seventh fork at opening, every eleventh at its verdict."""

    async def open(self):
        self.suite.forks += 1
        self.number = self.suite.forks
        if self.number % 7 == 0:
            raise OSError("no such machine")
        return await super().open()

    async def verdict(self):
        if self.number % 11 == 0:
            raise OSError("the verifier's machine is gone")
        return await super().verdict()


@pytest.mark.parametrize("retries", [0, 3])
async def test_a_faulting_environment_costs_retries_and_never_a_reward(toy, tmp_path, retries):
    suite = VariedSuite()
    suite.environment, suite.forks = FailingEnvironment, 0
    run = make_run(tmp_path, suite)
    delivered = await simulate(suite, run, retries=retries)
    faults = [t for t in delivered if isinstance(t.outcome, Fault)]
    assert (len(faults) > 20) is (retries == 0)
    assert await violations(toy, run, 200, delivered=delivered, may_fault=True) == []
    columns = ["stop_reason", "reward", "fault_kind"]
    rows = [row for row in run.tables.rows(columns) if row["stop_reason"] == "fault"]
    assert len(rows) == len(faults)
    assert all(row["reward"] is None and row["fault_kind"] in ("SandboxError", "VerifierError") for row in rows)


async def test_a_driver_killed_in_the_middle_goes_on_where_it_was_and_doubles_nothing(toy, tmp_path):
    with start(tmp_path, "--slow", "--n", "200") as driver:
        wait_for_commits(tmp_path, driver, 20)
        os.kill(driver.pid, signal.SIGKILL)
    before = committed(tmp_path)
    run = Run.open("sim", tmp_path)
    assert 20 <= len(before) < 200
    assert len(run.remaining(wanted(toy, "sim", 200))) == 200 - len(before)
    with start(tmp_path, "--n", "200") as driver:
        played = sum(int(line) for line in driver.stdout)
        assert driver.wait() == 0, driver.stderr.read()
    assert played == 200 - len(before)
    assert await violations(toy, run, 200) == []


async def test_a_driver_on_ray_killed_with_its_leases_out_is_resumed(toy, tmp_path):
    with start(tmp_path, "--slow", "--n", "400", "--workers", "2", start_new_session=True) as driver:
        wait_for_commits(tmp_path, driver, 20)
        os.kill(driver.pid, signal.SIGKILL)
        driver.wait()
        assert left_after_a_while(driver.pid) == []  # Ray's own processes end with their driver
    before = len(committed(tmp_path))
    assert 20 <= before < 400
    with start(tmp_path, "--n", "400") as driver:
        played = sum(int(line) for line in driver.stdout)
        assert driver.wait() == 0, driver.stderr.read()
    assert played == 400 - before
    assert await violations(toy, Run.open("sim", tmp_path), 400, replays=10) == []


async def test_ctrl_c_on_ray_seals_what_was_committed_and_leaves_no_process(toy, tmp_path):
    with start(tmp_path, "--slow", "--n", "400", "--workers", "2", start_new_session=True) as driver:
        wait_for_commits(tmp_path, driver, 20)
        os.killpg(driver.pid, signal.SIGINT)
        assert driver.wait(timeout=60) == 130, driver.stderr.read()
        assert left_after_a_while(driver.pid) == []
    run = Run.open("sim", tmp_path)
    assert journals(run.journal_folder) == []
    assert 20 <= len(run.tables.ids()) < 400


async def test_a_lease_delivered_twice_is_kept_once(toy, tmp_path):
    run = make_run(tmp_path, toy)
    attempts = wanted(toy, "sim", 100)
    for _ in range(2):  # two workers that each believe the lease is theirs
        async with LocalPool(toy, run.journal_folder) as pool:
            async for _batch in pool.play(attempts + attempts[:30], mixed(toy), PlayOptions()):
                pass
    assert [len(committed_ids(path)) for path in journals(run.journal_folder)] == [100, 100]
    assert run.drain() == 100
    assert await violations(toy, run, 100) == []


async def test_a_full_disk_stops_the_run_with_a_hint_and_keeps_what_was_committed(toy, tmp_path):
    """The journal lies on a small tmpfs of a private mount namespace; later it is given more room."""
    if shutil.which("unshare") is None:
        pytest.fail("unshare (util-linux) is needed")
    (tmp_path / "sim" / "journal").mkdir(parents=True)
    (tmp_path / "sim" / "run.json").write_text('{"name": "sim", "env_name": "toy", "environment": "toy-7"}')
    journal, mark = tmp_path / "sim" / "journal", tmp_path / "held"
    driver = f"'{sys.executable}' '{DRIVER}' '{tmp_path}' sim --n 400"
    script = f"""
        mount -t tmpfs -o size=320k none '{journal}' || exit 90
        {driver} >/dev/null 2>'{tmp_path}/error' && exit 91
        ls '{tmp_path}/sim/tables/rollouts' >'{mark}' 2>/dev/null
        mount -o remount,size=64m none '{journal}' || exit 92
        {driver} >'{tmp_path}/played' 2>&1 || exit 93
    """
    done = in_mount_namespace(script)
    error = (tmp_path / "error").read_text()
    assert done.returncode == 0, (done.returncode, done.stderr, error)
    assert "full" in error
    assert "--resume" in error
    assert "Traceback" not in error
    played = sum(int(line) for line in (tmp_path / "played").read_text().split())
    assert 0 < played < 400  # the rest had been committed before the disk was full
    assert await violations(toy, Run.open("sim", tmp_path), 400, replays=10) == []


def test_a_journal_that_was_committed_after_its_reader_looked_is_still_whole(tmp_path):
    from test_journal import trajectory

    with Journal(tmp_path / "a.journal") as journal:
        journal.commit([trajectory(1)])
        assert committed_ids(tmp_path / "a.journal") == {trajectory(1).rollout_id}
        journal.commit([trajectory(2)])
    assert len(committed_ids(tmp_path / "a.journal")) == 2
