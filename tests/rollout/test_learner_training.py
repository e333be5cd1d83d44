"""Sampling, the torch policy and training as a whole, on the scripted mailbox."""

from __future__ import annotations

import asyncio
import json

import pytest
import torch

from factory.errors import PolicyError, RecordError
from rollout.learner.batch import Group, Row, collate, logprobs
from rollout.learner.checkpoint import Checkpoint
from rollout.learner.controls import donors, p_above, permuted_credit
from rollout.learner.evaluate import Evaluation, attempts, collect, evaluate, task_ids
from rollout.learner.generate import Request, generate
from rollout.learner.grpo import GrpoConfig, group_credit, round_attempts, train
from rollout.learner.losses import LossConfig
from rollout.learner.model import Model, ModelConfig
from rollout.learner.optimise import flat, make_optimizer, optimise, reinforcement_loss, with_old
from rollout.learner.recipe import LearnConfig, Learning, learn
from rollout.learner.sft import SftConfig, WarmStart, demonstration_rows, demonstration_texts
from rollout.learner.tokenizer import Tokenizer
from rollout.learner.toy import ToyMailbox
from rollout.policies.base import Conversation, Message, Sampling
from rollout.policies.torch_policy import TorchPolicy
from rollout.pools import LocalPool, PolicySpec

CONTEXT = 160


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def suite():
    return ToyMailbox(0, train=24, heldout=8, templates=("label",))


@pytest.fixture(scope="module")
def warm(suite):
    """Checkpoint bytes of a short warm start: some of its attempts succeed, most do not."""

    async def demonstrate():
        async with LocalPool(suite) as pool:
            wanted = attempts("demo", task_ids(suite, "train"), range(6), 0)
            return await collect(pool, wanted, PolicySpec("noisy_oracle", b'{"noise": 0.5}'))

    demonstrations = asyncio.run(demonstrate())
    tokenizer = Tokenizer.build(demonstration_texts(demonstrations))
    model = Model(ModelConfig(vocabulary=len(tokenizer), width=48, layers=2, hidden=96, context=CONTEXT))
    rows = demonstration_rows(tokenizer, demonstrations, CONTEXT)
    WarmStart(model, rows, SftConfig(steps=220, batch=24)).run(220)
    return Checkpoint(model, tokenizer).to_bytes()


def random_model():
    model = Model(ModelConfig(vocabulary=300, width=32, layers=2, heads=2, hidden=64, context=100))
    with torch.no_grad():
        model.embedding.weight.mul_(8)  # far from uniform, so that a wrong cache would show
    return model


def requests(n=24):
    generator = torch.Generator().manual_seed(0)
    return [
        Request(tuple(torch.randint(5, 300, (2 + 3 * i,), generator=generator).tolist()), i, (1.0, 0.7)[i % 2], 20)
        for i in range(n)
    ]


def test_log_probabilities_of_sampling_are_those_of_training():
    model, wanted = random_model(), requests()
    for request, sampled in zip(wanted, generate(model, wanted), strict=True):
        n, m = len(request.prompt), len(sampled.ids)
        row = Row(request.prompt + sampled.ids, (False,) * n + (True,) * m, (0.0,) * n + sampled.logprobs, 0.0,
                  request.temperature)  # fmt: skip
        batch = collate([row], torch.device("cpu"))
        with torch.no_grad():
            again = logprobs(model, batch)
        assert float((again - batch.loss.old_logprobs_BT).abs().max()) < 1e-4


def test_a_sample_depends_on_its_seed_and_not_on_its_batch():
    model, wanted = random_model(), requests()
    together = generate(model, wanted)
    assert [generate(model, [r])[0].ids for r in wanted] == [s.ids for s in together]
    assert generate(model, list(reversed(wanted)), chunk=5)[::-1][3].ids == together[3].ids
    moved = generate(model, [Request(r.prompt, r.seed + 1, r.temperature, r.max_tokens) for r in wanted])
    assert [s.ids for s in moved] != [s.ids for s in together]


def test_temperature_zero_is_greedy_whatever_the_seed():
    model = random_model()
    prompt = (7, 8, 9)
    found = generate(model, [Request(prompt, seed, 0.0, 10) for seed in range(3)])
    assert len({s.ids for s in found}) == 1


def test_a_turn_never_outgrows_the_context():
    model = random_model()
    (sampled,) = generate(model, [Request((5,) * 97, 0, 1.0, 20)])
    assert len(sampled.ids) <= 3


async def test_the_policy_answers_many_episodes_as_one_batch_and_each_as_if_alone(warm):
    policy = TorchPolicy(warm, device="cpu")
    talks = [
        Conversation((), (Message("user", f"label the mail from {p} about travel plan as legal"),))
        for p in ("ana", "ben")
    ]
    sampling = Sampling(1.0, 24)
    together = await asyncio.gather(*(policy.act(t, seed=i, sampling=sampling) for i, t in enumerate(talks * 20)))
    alone = [await policy.act(t, seed=i, sampling=sampling) for i, t in enumerate(talks * 20)]
    assert [t.tokens.ids for t in together] == [t.tokens.ids for t in alone]
    assert all(turn.tokens.prompt_ids for turn in together)


async def test_a_conversation_that_fills_the_context_ends_with_an_empty_turn(warm):
    policy = TorchPolicy(warm, device="cpu")
    talk = Conversation((), (Message("user", "x" * 10_000_000),))
    turn = await policy.act(talk, seed=0, sampling=Sampling())
    assert (turn.actions, turn.tokens.ids) == ((), ())


def test_bytes_that_are_no_checkpoint_are_refused():
    with pytest.raises(PolicyError, match="cannot be read"):
        TorchPolicy(b"not a checkpoint")


def test_a_checkpoint_comes_back_with_the_same_version(warm):
    first = Checkpoint.from_bytes(warm)
    assert Checkpoint.from_bytes(first.to_bytes()).version() == first.version()


async def heldout_success(suite, checkpoint, times=6):
    async with LocalPool(suite) as pool:
        policy = PolicySpec("torch", checkpoint.to_bytes(), checkpoint.version())
        return await evaluate(pool, suite, policy, task_ids(suite, "train"), run="e", times=times, seed=5)


SHORT = GrpoConfig(steps=1, epochs=1, rounds=18, prompts=8, group=12, minimum=4, lr=1e-3, max_tokens=20)


async def trained(suite, warm, config=SHORT, folder=None, credit=group_credit, on_round=None):
    checkpoint = Checkpoint.from_bytes(warm)
    async with LocalPool(suite) as pool:
        return await train(pool, suite, config, start=checkpoint, folder=folder, credit=credit, on_round=on_round)


def negated(trajectories, config, round_):
    """The planted fault: the sign of every advantage is wrong."""
    found = group_credit(trajectories, config, round_)
    return [Group(g.task_id, g.members, tuple(-a for a in g.advantages)) for g in found]


async def test_success_rises_with_the_rewards_and_falls_when_their_sign_is_wrong(suite, warm):
    before = await heldout_success(suite, Checkpoint.from_bytes(warm))
    up = await heldout_success(suite, await trained(suite, warm))
    down = await heldout_success(suite, await trained(suite, warm, credit=negated))
    assert 0.03 < before.success < 0.7
    assert up.success > before.success + 3 * (before.stderr**2 + up.stderr**2) ** 0.5
    assert down.success < before.success


async def test_two_trainings_from_one_seed_give_equal_weights(suite, warm):
    short = SHORT.model_copy(update={"rounds": 2})
    first, second = await trained(suite, warm, short), await trained(suite, warm, short)
    assert first.version() == second.version()
    other = await trained(suite, warm, short.model_copy(update={"seed": 1}))
    assert other.version() != first.version()


async def test_a_training_killed_between_rounds_ends_with_the_same_weights(suite, warm, tmp_path):
    short = SHORT.model_copy(update={"rounds": 3})
    whole = await trained(suite, warm, short, tmp_path / "whole")

    async def fail(done, checkpoint):
        if done.round == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await trained(suite, warm, short, tmp_path / "cut", on_round=fail)
    resumed = await trained(suite, warm, short, tmp_path / "cut")
    assert resumed.version() == whole.version()
    rounds = [json.loads(line)["round"] for line in (tmp_path / "cut" / "ledger.jsonl").read_text().splitlines()]
    assert rounds == [0, 1, 2]


async def test_a_state_of_another_configuration_or_cut_short_is_refused(suite, warm, tmp_path):
    short = SHORT.model_copy(update={"rounds": 1})
    await trained(suite, warm, short, tmp_path)
    with pytest.raises(RecordError, match="another configuration"):
        await trained(suite, warm, short.model_copy(update={"lr": 2e-3}), tmp_path)
    state = tmp_path / "state.pt"
    state.write_bytes(state.read_bytes()[:-500])
    with pytest.raises(RecordError, match="cannot go on"):
        await trained(suite, warm, short, tmp_path)


async def test_the_ledger_names_the_rollouts_of_each_step_and_how_far_it_moved(suite, warm, tmp_path):
    short = SHORT.model_copy(update={"rounds": 1, "steps": 2})
    await trained(suite, warm, short, tmp_path)
    (entry,) = [json.loads(line) for line in (tmp_path / "ledger.jsonl").read_text().splitlines()]
    played = {a.rollout_id for a in round_attempts(suite, short, 0)}
    used = [id for step in entry["rollout_ids"] for id in step]
    assert entry["live"] > 0
    assert len(used) == len(set(used)) == entry["live"] * short.group
    assert set(used) <= played
    assert all(0 < u["moved"] < 0.2 and 0 < u["changed"] <= 1 for u in entry["updates"])


def test_permuted_rewards_keep_their_sizes_and_lose_their_owners(suite, warm):
    async def played():
        async with LocalPool(suite) as pool:
            policy = PolicySpec("torch", warm, "w")
            return await collect(pool, round_attempts(suite, SHORT, 0), policy, SHORT.options())

    trajectories = asyncio.run(played())
    true, permuted = group_credit(trajectories, SHORT, 0), permuted_credit(trajectories, SHORT, 0)
    assert [sorted(g.advantages) for g in true] == [sorted(g.advantages) for g in permuted]
    assert [g.advantages for g in true] != [g.advantages for g in permuted]


def test_every_task_is_shown_another_tasks_observations(suite):
    async def played():
        async with LocalPool(suite) as pool:
            found = await collect(pool, attempts("o", task_ids(suite, "heldout"), [0], 0), PolicySpec("oracle"))
            return {t.attempt.task_id: t for t in found}

    oracle = asyncio.run(played())
    shown = donors(suite, list(oracle), oracle, 0)
    own = {task: tuple(s.observation for s in t.steps) for task, t in oracle.items()}
    assert sorted(shown.values()) == sorted(own.values())
    assert all(shown[task] != own[task] for task in own if list(own.values()).count(own[task]) == 1)


def test_the_statistics_tell_a_rise_from_noise():
    before = Evaluation(0.2, 200, 0.03)
    assert p_above(Evaluation(0.22, 200, 0.03), before) > 0.05
    assert p_above(Evaluation(0.5, 200, 0.03), before) < 1e-6


async def test_a_run_that_reached_its_target_goes_no_further_when_it_is_resumed(suite, warm, tmp_path):
    config = LearnConfig(grpo=SHORT, window=1, target=0.0, curve_every=10**6)
    async with LocalPool(suite) as pool:
        for _life in range(3):
            run = Learning(pool, suite, config, tmp_path)
            await run.reinforce(Checkpoint.from_bytes(warm))
            assert [done.round for done in run.rounds] == [0]


def test_the_clip_holds_every_step_near_the_first_pass_whatever_the_sampler_said():
    model = Model(ModelConfig(vocabulary=300, width=32, layers=2, heads=2, hidden=64, context=100))
    n = 20
    row = Row(tuple(range(5, 5 + n)), (False,) * 10 + (True,) * 10, (0.0,) * 10 + (-9.0,) * 10, 1.0)
    config = LossConfig(truncate=2.0)
    (row,) = with_old(model, [row])
    assert row.logprobs[-1] == -9.0 != row.old[-1]
    optimizer = make_optimizer(model, 5e-3)
    updates = [optimise(model, [optimizer], [row], reinforcement_loss(config)) for _ in range(12)]
    assert updates[0].ratio_max == pytest.approx(1.0, abs=1e-4)
    assert updates[0].grad_norm > 0.1
    assert updates[-1].ratio_max > 1.28
    assert updates[-1].grad_norm == 0.0


async def test_a_training_with_truncated_weights_teaches_too(suite, warm):
    config = SHORT.model_copy(update={"rounds": 2, "epochs": 2, "loss": LossConfig(truncate=2.0)})
    plain = SHORT.model_copy(update={"rounds": 2, "epochs": 2})
    with_weights, without = await trained(suite, warm, config), await trained(suite, warm, plain)
    first = Checkpoint.from_bytes(warm)
    assert len({with_weights.version(), without.version(), first.version()}) == 3
    # The engines agree, so that π_old is the sampler's up to rounding, and so are the weights that come out.
    gap = (flat(with_weights.model) - flat(without.model)).norm() / (flat(without.model) - flat(first.model)).norm()
    assert float(gap) < 0.05


async def test_the_whole_recipe_goes_on_where_it_was_cut(tmp_path):
    suite = ToyMailbox(1, train=160, heldout=40, templates=("label",))
    config = LearnConfig(
        noise=0.3, demonstrations=2, width=48, layers=2, hidden=96, context=CONTEXT, probe_every=100, probe_tasks=12,
        sft=SftConfig(steps=200, batch=24),
        grpo=GrpoConfig(rounds=3, steps=1, prompts=4, group=8, minimum=4, max_tokens=20),
        curve_every=2, curve_tasks=4, times=2, target=2.0,
    )  # fmt: skip
    async with LocalPool(suite) as pool:
        whole = await learn(pool, suite, config, tmp_path / "whole")
        cut = Learning(pool, suite, config.model_copy(), tmp_path / "cut")
        warm = await cut.warm_start()
        few = cut.config.grpo.model_copy(update={"run": f"{config.run}-grpo"})

        async def stop(done, checkpoint):
            await cut._on_round(done, checkpoint)
            if done.round == 1:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await train(pool, suite, few, start=warm, folder=cut.folder, on_round=stop)
        resumed = await learn(pool, suite, config, tmp_path / "cut")
    assert resumed.checkpoint.version() == whole.checkpoint.version()
    assert resumed.report()["curve"] == whole.report()["curve"]
    assert [r.round for r in resumed.rounds] == [0, 1, 2]
    assert [r.rollout_ids for r in resumed.rounds] == [r.rollout_ids for r in whole.rounds]
    assert whole.report()["heldout_success"]["n"] == 80
