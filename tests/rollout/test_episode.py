import asyncio
import json

import pytest

from factory.environment import Action, Check, Fault, Verdict
from factory.errors import SandboxError
from rollout.codec import decode, encode
from rollout.episode import DonatedObservations, play
from rollout.limits import EpisodeLimits
from rollout.policies import PolicySpec, make_policy
from rollout.policies.base import TokenTrace, Turn
from rollout.replay import replay
from rollout.trajectory import Attempt


class Saying:
    """Answers with the turns given, one after the other; remembers what it was shown."""

    version = "saying"

    def __init__(self, *turns):
        self.turns = list(turns)
        self.shown = []

    async def act(self, conversation, *, seed, sampling):
        self.shown.append(conversation)
        turn = self.turns.pop(0) if self.turns else Turn("", ())
        if isinstance(turn, Exception):
            raise turn
        return turn


def turn(*actions, tokens=None, text=""):
    return Turn(text, tuple(actions), tokens)


def attempt(task, n=0):
    return Attempt("test", task.id, n, 5 + n)


def copy_task(suite):
    return next(task for task in suite.tasks.values() if task.template == "copy")


async def played(suite, *turns, task=None, **options):
    task = task or copy_task(suite)
    policy = Saying(*turns)
    return await play(suite, task, attempt(task), policy, **options), policy


async def test_the_oracle_earns_one_on_every_task(toy):
    oracle = make_policy(PolicySpec("oracle"), toy)
    for task in toy.tasks.values():
        trajectory = await play(toy, task, attempt(task), oracle)
        assert (trajectory.reward, trajectory.stop_reason) == (1.0, "submitted")


async def test_nothing_to_call_ends_the_episode_as_gave_up(toy):
    trajectory, _ = await played(toy, turn(text="I do not know"))
    assert (trajectory.stop_reason, trajectory.reward, trajectory.steps) == ("gave_up", 0.0, ())
    assert trajectory.turns[0].text == "I do not know"


@pytest.mark.parametrize(
    ("action", "error"),
    [
        (Action("memo_read", None, "{oops"), "invalid"),
        (Action("no_such_tool", {}), "unknown_tool"),
        (Action("memo_read", {"id": "seven"}), "invalid"),
        (Action("memo_read", {"id": 1, "extra": 2}), "invalid"),
        (Action("memo_read", {"id": 9999}), "not_found"),
        (Action("memo_read", {"id": float("nan")}), "invalid"),
        (Action("memo_write", {"id": 1, "word": "x" * 10_000_000}), "invalid"),
        (Action("\ud800" * 3, {"\udfff": 1}), "unknown_tool"),
    ],
)
async def test_an_agents_mistake_is_an_observation_and_the_episode_goes_on(toy, action, error):
    trajectory, _ = await played(toy, turn(action), turn(Action("task_submit", {})))
    assert trajectory.steps[0].error == error
    assert trajectory.steps[0].observation.startswith("error")
    assert trajectory.stop_reason == "submitted"
    assert isinstance(trajectory.outcome, Verdict)
    assert decode(encode(trajectory)) == trajectory


async def test_ten_megabytes_of_text_are_cut_to_the_documented_limit_and_recorded(toy):
    trajectory, _ = await played(toy, turn(text="a" * 10_000_000))
    text = trajectory.turns[0].text
    assert text.startswith("a" * 65_536)
    assert text.endswith("… [9934464 characters cut]")


async def test_arguments_nested_beyond_reason_are_a_mistake_not_a_fault(toy):
    deep = []
    for _ in range(100_000):
        deep = [deep]
    trajectory, _ = await played(toy, turn(Action("memo_read", {"id": deep})))
    assert trajectory.steps[0].error is not None
    assert not isinstance(trajectory.outcome, Fault)


async def test_a_long_observation_is_cut_with_a_mark(toy):
    trajectory, policy = await played(toy, turn(Action("memo_read", {"id": 1})), limits=EpisodeLimits(observation=5))
    assert trajectory.steps[0].observation.startswith("it sa… [")
    assert policy.shown[1].messages[-1].text == trajectory.steps[0].observation


async def test_the_step_limit_ends_an_episode_with_a_verdict(toy):
    task = copy_task(toy)
    trajectory, _ = await played(toy, *[turn(Action("memo_read", {"id": 1}))] * 50, task=task)
    assert (len(trajectory.steps), trajectory.stop_reason, trajectory.reward) == (task.max_steps, "step_limit", 0.0)


async def test_the_token_limit_ends_an_episode_with_a_verdict(toy):
    reading = turn(Action("memo_read", {"id": 1}), tokens=TokenTrace((1, 2), (3, 4, 5), (-0.1, -0.2, -0.3)))
    trajectory, _ = await played(toy, *[reading] * 9, limits=EpisodeLimits(tokens=7))
    assert (len(trajectory.turns), trajectory.stop_reason) == (3, "token_limit")


async def test_a_turn_may_hold_several_calls_and_those_after_the_end_are_not_made(toy):
    read, submit = Action("memo_read", {"id": 1}), Action("task_submit", {})
    trajectory, _ = await played(toy, turn(read, read, submit, read))
    assert [step.turn for step in trajectory.steps] == [0, 0, 0]
    assert trajectory.stop_reason == "submitted"


async def test_a_policy_that_fails_is_a_fault_without_reward(toy):
    trajectory, _ = await played(toy, turn(Action("memo_read", {"id": 1})), RuntimeError("no weights"))
    assert isinstance(trajectory.outcome, Fault)
    assert (trajectory.outcome.kind, trajectory.stop_reason, trajectory.reward) == ("PolicyError", "fault", None)
    assert len(trajectory.steps) == 1


async def test_a_policy_that_answers_something_else_than_a_turn_is_a_fault(toy):
    trajectory, _ = await played(toy, "not a turn")
    assert trajectory.outcome.kind == "PolicyError"


@pytest.mark.parametrize(
    ("method", "kind"), [("open", "SandboxError"), ("step", "SandboxError"), ("verdict", "VerifierError")]
)
async def test_an_environment_that_fails_is_a_fault_named_by_what_failed(toy, monkeypatch, method, kind):
    from toy_suite import ToyEnvironment

    async def broken(self, *args):
        raise OSError("no such device")

    monkeypatch.setattr(ToyEnvironment, method, broken)
    trajectory, _ = await played(toy, turn(Action("memo_read", {"id": 1})))
    assert (trajectory.outcome.kind, trajectory.reward) == (kind, None)
    assert "no such device" in trajectory.outcome.message


async def test_a_reward_outside_its_range_is_a_verifiers_fault(toy, monkeypatch):
    from toy_suite import ToyEnvironment

    async def generous(self):
        return Verdict(1.5, ())

    monkeypatch.setattr(ToyEnvironment, "verdict", generous)
    trajectory, _ = await played(toy)
    assert trajectory.outcome.kind == "VerifierError"


async def test_a_world_that_does_not_start_as_its_snapshot_is_a_fault(toy, monkeypatch):
    monkeypatch.setattr(toy, "start_digest", "0" * 64)
    trajectory, _ = await played(toy)
    assert trajectory.outcome.kind == "SandboxError"
    assert "leaked" in trajectory.outcome.message


async def test_a_policy_that_hangs_runs_into_infrastructures_time_out(toy):
    class Hanging:
        version = "hanging"

        async def act(self, conversation, *, seed, sampling):
            await asyncio.Event().wait()

    task = copy_task(toy)
    trajectory = await play(toy, task, attempt(task), Hanging(), limits=EpisodeLimits(wall_s=0.05))
    assert (trajectory.outcome.kind, trajectory.reward) == ("PolicyError", None)
    assert "no answer after 0.05 s" in trajectory.outcome.message


async def test_an_agent_whose_every_command_takes_its_time_cannot_choose_a_fault(toy, monkeypatch):
    from toy_suite import ToyEnvironment

    step = ToyEnvironment.step

    async def slow(self, action):
        await asyncio.sleep(0.15)
        return await step(self, action)

    monkeypatch.setattr(ToyEnvironment, "step", slow)
    reading = [turn(Action("memo_read", {"id": 1}))] * 6
    trajectory, _ = await played(toy, *reading, limits=EpisodeLimits(wall_s=0.6))
    assert (trajectory.reward, trajectory.stop_reason) == (0.0, "step_limit")


@pytest.mark.parametrize(
    "tokens",
    [
        "no trace",
        TokenTrace(None, None, None),
        TokenTrace((1,), (object(),), (0.0,)),
        TokenTrace((1,), (1, 2, 3), (0.0,)),
        TokenTrace((1,), (1,), (float("nan"),)),
        TokenTrace((1,), (2**70,), (0.0,)),
    ],
)
async def test_tokens_that_cannot_be_recorded_are_the_policys_fault_and_the_run_goes_on(toy, tokens):
    trajectory, _ = await played(toy, Turn("", (Action("memo_read", {"id": 1}),), tokens))
    assert trajectory.outcome.kind == "PolicyError"
    assert decode(encode(trajectory)) == trajectory


@pytest.mark.parametrize("text", [5, None, b"bytes"])
async def test_a_turn_whose_text_is_none_is_the_policys_fault(toy, text):
    trajectory, _ = await played(toy, Turn(text, (Action("memo_read", {"id": 1}),)))
    assert trajectory.outcome.kind == "PolicyError"
    assert decode(encode(trajectory)) == trajectory


@pytest.mark.parametrize("levels", [10, 63, 64, 500, 950, 970])
async def test_whatever_the_depth_of_arguments_the_record_can_be_read_again(toy, levels):
    deep = 1
    for _ in range(levels):
        deep = [deep]
    trajectory, _ = await played(toy, turn(Action("memo_read", {"id": deep})), turn(Action("task_submit", {})))
    assert trajectory.steps[0].error == "invalid"
    assert decode(encode(trajectory)) == trajectory
    assert (trajectory.steps[0].action.arguments is None) is (levels > 63)


async def test_what_an_agent_named_does_not_keep_its_verdict_from_being_recorded(toy, monkeypatch):
    from toy_suite import ToyEnvironment

    verdict = Verdict(0.0, (Check("files", False, "\udcff is odd"),), {"dropped": ["\udcff\udcfe"] * 100_000, "n": 1})

    async def quoting(self):
        return verdict

    monkeypatch.setattr(ToyEnvironment, "verdict", quoting)
    trajectory, _ = await played(toy)
    assert decode(encode(trajectory)) == trajectory
    assert trajectory.outcome.evidence["n"] == 1
    assert len(encode(trajectory)) < 100_000
    assert trajectory.outcome.checks[0].detail == "? is odd"
    assert (await replay(toy, trajectory)).identical


async def test_an_environment_is_closed_however_its_episode_ends(toy, monkeypatch):
    from toy_suite import ToyEnvironment

    closed = []
    close = ToyEnvironment.close

    async def counting(self):
        closed.append(self)
        await close(self)

    monkeypatch.setattr(ToyEnvironment, "close", counting)
    await played(toy)
    await played(toy, SandboxError("lost"))
    assert len(closed) == 2


async def test_the_trace_digest_depends_on_every_action_observation_and_state(toy):
    read = Action("memo_read", {"id": 1})
    one, _ = await played(toy, turn(read), turn(read))
    two, _ = await played(toy, turn(Action("memo_read", {"id": 2})), turn(read))
    assert one.steps[1].action == two.steps[1].action
    assert one.steps[1].trace_digest != two.steps[1].trace_digest


async def test_the_policy_knows_its_conversation_only_and_turns_have_different_seeds(toy):
    task = copy_task(toy)
    seeds = []

    class Seeing(Saying):
        async def act(self, conversation, *, seed, sampling):
            seeds.append(seed)
            return await super().act(conversation, seed=seed, sampling=sampling)

    policy = Seeing(turn(Action("memo_read", {"id": 1})))
    await play(toy, task, attempt(task), policy)
    first, second = policy.shown
    assert [m.role for m in second.messages] == ["user", "assistant", "tool"]
    assert {"memo_read", "memo_write", "task_submit"} <= {tool.name for tool in first.tools}
    assert json.dumps(task.private["expected"]) not in repr(second)
    assert seeds[0] != seeds[1]


async def test_the_shuffled_control_shows_another_tasks_observations_and_records_the_true_ones(toy):
    task = copy_task(toy)
    donated = DonatedObservations({task.id: ("it says nonsense",)})
    trajectory, policy = await played(toy, turn(Action("memo_read", {"id": 1})), task=task, observe=donated)
    assert policy.shown[1].messages[-1].text == "it says nonsense"
    assert trajectory.steps[0].observation != "it says nonsense"
