"""Playing on from a step of a recorded episode, and finding the step that cost its reward."""

from __future__ import annotations

from app_clones.kit.seeds import derive
from factory.environment import Observation, Suite
from factory.errors import GrindError
from rollout.episode import Episode, run
from rollout.limits import EpisodeLimits
from rollout.past import check_suite, checkpoint_at
from rollout.policies import PolicySpec, make_policy
from rollout.policies.base import Message, Policy, Sampling
from rollout.policies.scripted import Privileged
from rollout.trajectory import Attempt, Trajectory, TurnRecord


async def fork_at(
    suite: Suite,
    trajectory: Trajectory,
    steps: int,
    policy: Policy | Privileged | None = None,
    *,
    attempt: int = 0,
    sampling: Sampling | None = None,
    limits: EpisodeLimits | None = None,
) -> Trajectory:
    """Goes back to the state after ``steps`` steps and plays on with ``policy`` (default: the oracle).

    The new trajectory has ``origin`` {"rollout_id", "step"}, holds copies of the steps before, and replays by itself.
    """
    task = check_suite(suite, trajectory)
    checkpoint = await checkpoint_at(suite, trajectory, steps)
    source = trajectory.attempt
    mine = Attempt(
        f"{source.run}/fork/{trajectory.rollout_id}/{steps}",
        task.id,
        attempt,
        derive(source.policy_seed, "fork", steps, attempt),
    )
    episode = Episode(suite, task, mine, sampling or Sampling(), limits or EpisodeLimits())
    return await run(
        episode,
        lambda: suite.fork(task, checkpoint),
        policy or make_policy(PolicySpec("oracle"), suite),
        origin={"rollout_id": trajectory.rollout_id, "step": steps},
        prefix=lambda one: _copy_prefix(one, trajectory, steps),
    )


def _copy_prefix(episode: Episode, trajectory: Trajectory, steps: int) -> None:
    """Puts the first ``steps`` steps and the turns that held them into ``episode``, as if it had played them."""
    episode.opened(Observation(trajectory.opening, episode.opening.tools), trajectory.start_digest)
    kept = trajectory.steps[:steps]
    for index in sorted({record.turn for record in kept}):
        records = [record for record in kept if record.turn == index]
        whole = len(records) == sum(record.turn == index for record in trajectory.steps)
        turn = trajectory.turns[index]
        tokens = turn.tokens if whole else None  # half a turn's calls are not what those tokens say
        episode.turns.append(TurnRecord(turn.text, tokens))
        episode.messages.append(Message("assistant", turn.text, tuple(r.action for r in records), tokens))
        episode.messages += [Message("tool", record.observation) for record in records]
    episode.steps += kept
    episode.tokens = sum(len(turn.tokens.ids) for turn in episode.turns if turn.tokens)
    if len(kept) >= episode.max_steps:
        episode.stop_reason = "step_limit"


async def find_wrong_step(suite: Suite, trajectory: Trajectory) -> int | None:
    """The step that cost the reward: the oracle, playing on from before it, earns 1, and from after it less.

    The number of steps if the oracle can make it good even from the end (it stopped too early); None if it cannot from
    the start. O(steps) forks.
    """
    for steps in range(len(trajectory.steps) + 1):
        forked = await fork_at(suite, trajectory, steps, limits=EpisodeLimits(steps=_room(suite, trajectory)))
        if forked.reward is None:
            raise GrindError(f"the fork at step {steps} of {trajectory.rollout_id} faulted: {forked.outcome}")
        if forked.reward < 1.0:
            return steps - 1 if steps else None
    return len(trajectory.steps)


def _room(suite: Suite, trajectory: Trajectory) -> int:
    """Steps enough for the oracle after any prefix: whether a state can be made good is asked, not how fast."""
    return 2 * suite.tasks[trajectory.attempt.task_id].max_steps + len(trajectory.steps)
