from dataclasses import replace

import pytest
from test_episode import Saying, attempt, copy_task, played, turn

from factory.environment import Action, Fault, Observation
from factory.errors import GrindError, ReplayDivergence
from factory.trace import chain
from rollout.codec import decode, encode
from rollout.episode import play
from rollout.forking import find_wrong_step, fork_at
from rollout.past import checkpoint_at, checkpoint_of, state_diff
from rollout.planting import plant
from rollout.policies import PolicySpec, make_policy
from rollout.policies.base import TokenTrace
from rollout.replay import Tamper, replay


async def noisy(suite, count=30):
    policy = make_policy(PolicySpec("noisy_oracle", b'{"noise": 0.6}'), suite)
    tasks = list(suite.tasks.values())
    return [await play(suite, tasks[n % len(tasks)], attempt(tasks[n % len(tasks)], n), policy) for n in range(count)]


def wrong_then_more(suite):
    """A copy task: reads rightly, writes the wrong word (which nothing makes good), submits."""
    read, write, submit = suite.oracle(copy_task(suite))
    # A second row touched is beyond repair: the toy oracle never takes anything back.
    wrong = Action("memo_write", {"id": 1 + write.arguments["id"] % 20, "word": "oops"})
    return read, wrong, write, submit


async def test_every_recorded_episode_replays_identically(toy):
    trajectories = await noisy(toy)
    assert {t.reward for t in trajectories} == {0.0, 1.0}
    for trajectory in trajectories:
        report = await replay(toy, decode(encode(trajectory)))
        report.require()
        assert (report.identical, report.kind, report.steps) == (True, "exact", len(trajectory.steps))


async def test_a_fault_replays_as_far_as_it_went(toy):
    trajectory, _ = await played(toy, turn(Action("memo_read", {"id": 1})), RuntimeError("lost"))
    assert isinstance(trajectory.outcome, Fault)
    assert (await replay(toy, trajectory)).identical


async def test_one_row_changed_silently_is_found_at_exactly_that_step(toy):
    trajectory, _ = await played(toy, *(turn(Action("memo_write", {"id": n, "word": "w"})) for n in range(1, 6)))
    found = set()
    for seed in range(12):
        tamper = plant(toy, trajectory, seed=seed)
        report = await replay(toy, trajectory, tamper=tamper)
        assert report.divergence is not None
        assert report.divergence.step == tamper.step
        if report.divergence.kind == "state":
            assert any(line.startswith("+ memo_memo") for line in report.divergence.rows)
        else:  # the step wrote over the very row: only its changeset still tells
            assert report.divergence.kind == "changeset"
        found.add(tamper.step)
    assert len(found) > 2


async def test_a_row_changed_silently_and_then_written_over_is_found_where_it_began(toy):
    trajectory, _ = await played(toy, *(turn(Action("memo_write", {"id": n, "word": "w"})) for n in (1, 2, 3)))

    def apply(environment):
        environment.world.connection.execute("UPDATE memo_memo SET word='sly' WHERE id=3")

    report = await replay(toy, trajectory, tamper=Tamper(1, "memo 3", apply))
    assert (report.divergence.step, report.divergence.kind) == (1, "state")


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("observation", {"observation": "it says something else"}),
        ("state", {"state_digest": "0" * 64}),
        ("error", {"error": "invalid"}),
        ("changeset", {"changeset": b""}),
    ],
)
async def test_a_record_that_was_altered_is_told_by_step_and_kind(toy, kind, change):
    trajectory, _ = await played(toy, *(turn(a) for a in toy.oracle(copy_task(toy))))
    steps = list(trajectory.steps)
    steps[1] = replace(steps[1], **change)
    report = await replay(toy, replace(trajectory, steps=tuple(steps)))
    assert (report.divergence.step, report.divergence.kind) == (1, kind)
    with pytest.raises(ReplayDivergence, match=f"{kind} differs at step 1"):
        report.require()


async def test_a_verdict_that_was_altered_and_another_start_are_told(toy):
    trajectory, _ = await played(toy, *(turn(a) for a in toy.oracle(copy_task(toy))))
    better = replace(trajectory, outcome=replace(trajectory.outcome, reward=0.25))
    assert (await replay(toy, better)).divergence.kind == "verdict"
    assert (await replay(toy, better, verify=False)).identical
    assert (await replay(toy, replace(trajectory, start_digest="1" * 64))).divergence.kind == "start"
    assert (await replay(toy, replace(trajectory, opening="2027"))).divergence.kind == "opening"


async def test_another_build_is_refused(toy):
    trajectory, _ = await played(toy)
    with pytest.raises(ReplayDivergence, match="was played in toy-8"):
        await replay(toy, replace(trajectory, environment="toy-8"))


async def test_the_state_at_a_step_comes_from_the_record_alone(toy):
    trajectory, _ = await played(toy, *(turn(Action("memo_write", {"id": n, "word": "w"})) for n in (1, 2, 3)))
    for steps in range(4):
        assert await checkpoint_at(toy, trajectory, steps) == checkpoint_of(trajectory, steps)
    lines = state_diff(toy, trajectory, 2)
    assert sum("memo_memo update" in line for line in lines) == 2
    assert state_diff(toy, trajectory, 0) == ()
    with pytest.raises(GrindError, match="no step 9"):
        await checkpoint_at(toy, trajectory, 9)


async def test_a_state_that_is_not_the_recorded_one_is_refused(toy):
    trajectory, _ = await played(toy, *(turn(Action("memo_write", {"id": n, "word": "w"})) for n in (1, 2)))
    lost = replace(trajectory, steps=(replace(trajectory.steps[0], changeset=b""), trajectory.steps[1]))
    with pytest.raises(ReplayDivergence, match="the state after"):
        await checkpoint_at(toy, lost, 1)


async def test_the_wrong_step_is_found_and_the_oracle_earns_one_from_before_it(toy):
    trajectory, _ = await played(toy, *(turn(a) for a in wrong_then_more(toy)))
    assert trajectory.reward == 0.0
    assert await find_wrong_step(toy, trajectory) == 1
    forked = await fork_at(toy, trajectory, 1)
    assert forked.reward == 1.0
    assert forked.origin == {"rollout_id": trajectory.rollout_id, "step": 1}
    assert forked.steps[0] == trajectory.steps[0]
    assert forked.rollout_id != trajectory.rollout_id
    assert (await replay(toy, forked)).identical
    assert (await fork_at(toy, trajectory, 2)).reward == 0.0


async def test_an_episode_that_stopped_too_early_can_be_made_good_from_its_end(toy):
    trajectory, _ = await played(toy, *(turn(a) for a in toy.oracle(copy_task(toy))[:2]))
    assert await find_wrong_step(toy, trajectory) == 2
    assert (await fork_at(toy, trajectory, 2)).reward == 1.0


async def test_a_fork_plays_on_with_the_conversation_so_far_and_a_whole_trace(toy):
    read = Action("memo_read", {"id": 1})
    tokens = TokenTrace((1,), (2, 3), (-0.5, -0.5))
    trajectory, source = await played(toy, turn(read, tokens=tokens), turn(read, read), turn(Action("task_submit", {})))
    policy = Saying(turn(Action("task_submit", {})))
    forked = await fork_at(toy, trajectory, 2, policy)
    assert [m.role for m in policy.shown[0].messages] == ["user", "assistant", "tool", "assistant", "tool"]
    assert [t.tokens for t in forked.turns] == [tokens, None, None]  # half a turn's calls have no tokens of their own
    assert policy.shown[0].tools == source.shown[0].tools
    last = forked.steps[-1]
    assert last.trace_digest == chain(forked.steps[-2].trace_digest, last.action, last.observation, last.state_digest)


async def test_files_are_restored_and_unstable_output_is_listed_not_hidden(toy):
    """A suite of kind ``repo`` whose output changes from run to run, over the same real environment."""

    class Restless:
        def __init__(self, suite, digest_changes=False):
            self.suite, self.kind, self.runs, self.digest_changes = suite, "repo", 0, digest_changes

        def __getattr__(self, name):
            return getattr(self.suite, name)

        def fork(self, task, checkpoint=None):
            self.runs += 1
            environment, run = self.suite.fork(task, checkpoint), self.runs
            step = environment.step

            async def restless(action):
                done = await step(action)
                digest = f"{run:064}" if self.digest_changes else done.state_digest
                text = f"{done.observation.text} in {run} s" if action.name == "memo_read" else done.observation.text
                return replace(done, observation=Observation(text), state_digest=digest)

            environment.step = restless
            return environment

    for changes in (False, True):
        suite = Restless(toy, changes)
        trajectory, _ = await played(suite, *(turn(a) for a in toy.oracle(copy_task(toy))))
        report = await replay(suite, trajectory)
        assert report.kind == "restored"
        assert report.unstable == (0,)
        assert report.identical is not changes
