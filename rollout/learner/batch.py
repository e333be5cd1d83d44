"""From trajectories to tensors: tokens in, tokens out. Nothing here turns text into training tokens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from factory.environment import Fault
from factory.errors import PolicyError
from rollout.learner.generate import pad
from rollout.learner.losses import TokenBatch, advantages, is_live
from rollout.learner.model import Model
from rollout.trajectory import Trajectory


@dataclass(frozen=True, slots=True)
class Row:
    """One sequence to train on. ``sampled[t]``: token t was the policy's own; ``logprobs[t]``: its log-probability
    when sampled (0 elsewhere); ``old[t]``: the same under the learner's weights before its first step on the row, None
    where the sampler's count as those."""

    ids: tuple[int, ...]
    sampled: tuple[bool, ...]
    logprobs: tuple[float, ...]
    advantage: float = 0.0
    temperature: float = 1.0
    old: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """The attempts at one task in one round that ended in a verdict, with their advantages."""

    task_id: str
    members: tuple[Trajectory, ...]
    advantages: tuple[float, ...]

    @property
    def live(self) -> bool:
        """Whether its rewards differ, i.e. whether it can teach anything."""
        return any(self.advantages)


def rows(trajectory: Trajectory, advantage: float = 0.0) -> list[Row]:
    """The trajectory's turns as rows: a turn joins the row before it only where that is an exact prefix of its prompt.

    Raises PolicyError if a turn carries no tokens: text is never re-tokenised into training data.
    """
    out: list[tuple[list[int], list[bool], list[float]]] = []
    for i, turn in enumerate(trajectory.turns):
        trace = turn.tokens
        if trace is None:
            raise PolicyError(
                f"rollout {trajectory.rollout_id}, turn {i}: policy {trajectory.policy_version} gave no tokens",
                "train only on policies that return ids and log-probabilities of what they sampled",
            )
        if not trace.ids:
            continue  # the context was full: nothing was sampled
        if not out or tuple(out[-1][0]) != trace.prompt_ids[: len(out[-1][0])]:
            out.append(([], [], []))
        ids, sampled, logprobs = out[-1]
        new = trace.prompt_ids[len(ids) :]
        ids += [*new, *trace.ids]
        sampled += [False] * len(new) + [True] * len(trace.ids)
        logprobs += [0.0] * len(new) + list(trace.logprobs)
    temperature = trajectory.temperature
    return [Row(tuple(i), tuple(s), tuple(p), advantage, temperature) for i, s, p in out]


def groups(trajectories: Iterable[Trajectory], *, minimum: int = 2, divide_by_std: bool = True) -> list[Group]:
    """Trajectories by task, in task order and attempt order whatever order they came in.

    Faults are left out; a group with fewer than ``minimum`` verdicts is dropped.
    """
    by_task: dict[str, list[Trajectory]] = defaultdict(list)
    for t in trajectories:
        if not isinstance(t.outcome, Fault):
            by_task[t.attempt.task_id].append(t)
    out = []
    for task_id in sorted(by_task):
        members = sorted(by_task[task_id], key=lambda t: t.attempt.attempt)
        if len(members) < max(minimum, 1):
            continue
        rewards_G = torch.tensor([t.reward for t in members], dtype=torch.float64)
        a_G = advantages(rewards_G, divide_by_std=divide_by_std) if is_live(rewards_G) else torch.zeros_like(rewards_G)
        out.append(Group(task_id, tuple(members), tuple(a_G.tolist())))
    return out


@dataclass(frozen=True, slots=True)
class Batch:
    """Right-padded tensors of some rows. Position t of the ``BT`` tensors (T one less than the ids') speaks of token
    t + 1, the one predicted there."""

    ids_BT: Tensor  # noqa: N815
    loss: TokenBatch
    temperature_B: Tensor  # noqa: N815


def collate(part: Sequence[Row], device: torch.device) -> Batch:
    """Rows to tensors on ``device``."""
    width = max(len(r.ids) for r in part)

    def padded(values: list[Sequence[float]]) -> Tensor:
        filled = [[*v, *([0.0] * (width - len(v)))] for v in values]
        return torch.tensor(filled, dtype=torch.float32, device=device)[:, 1:]

    mask_BT, sampler_BT = padded([r.sampled for r in part]), padded([r.logprobs for r in part])
    old_BT = padded([r.logprobs if r.old is None else r.old for r in part])
    advantages_B = torch.tensor([r.advantage for r in part], dtype=torch.float32, device=device)
    temperature_B = torch.tensor([r.temperature for r in part], dtype=torch.float32, device=device)
    loss = TokenBatch(mask_BT, advantages_B, old_BT, sampler_BT)
    return Batch(pad([r.ids for r in part], device), loss, temperature_B)


def logprobs(model: Model, batch: Batch) -> Tensor:
    """Log-probabilities ``[B, T]`` of the sampled tokens under ``model`` at the temperature they were sampled at; 0
    elsewhere. Only sampled positions go through the vocabulary, which is most of the cost otherwise."""
    states_BTE, _ = model.hidden(batch.ids_BT[:, :-1])
    wanted_BT = batch.loss.mask_BT > 0
    temperature_BT = torch.where(batch.temperature_B > 0, batch.temperature_B, 1.0)[:, None].expand_as(wanted_BT)
    logits_NV = model.logits(states_BTE[wanted_BT]) / temperature_BT[wanted_BT][:, None]
    targets_N = batch.ids_BT[:, 1:][wanted_BT]
    found_N = logits_NV.log_softmax(-1).gather(1, targets_N[:, None])[:, 0]
    return torch.zeros_like(batch.loss.mask_BT).masked_scatter(wanted_BT, found_N)


def by_length(all_rows: Sequence[Row], size: int) -> list[list[Row]]:
    """Rows cut into parts of at most ``size``, alike in length, so that little is computed on padding."""
    ordered = sorted(all_rows, key=lambda r: len(r.ids))
    return [ordered[i : i + size] for i in range(0, len(ordered), size)]
