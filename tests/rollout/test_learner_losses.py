"""Our losses against TRL's own code: its trainer, its model call, its arithmetic; on a tiny real model, offline."""

from __future__ import annotations

import pytest
import torch
from datasets import Dataset
from torch.nn.functional import pad
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import GRPOConfig, GRPOTrainer

from rollout.learner.losses import LossConfig, TokenBatch, advantages, is_live, kl_penalty, policy_loss

PROMPT, COMPLETION, ROWS, VOCABULARY, LONGEST = 5, 7, 6, 40, 16


def tiny_model():
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=64, pad_token_id=0, eos_token_id=1, bos_token_id=2,
    )  # fmt: skip
    return LlamaForCausalLM(config)


def tiny_tokenizer():
    from tokenizers import Tokenizer, models

    vocabulary = {f"w{i}": i for i in range(VOCABULARY)}
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(vocabulary, unk_token="w3")), pad_token="w0", eos_token="w1"
    )


def trl_trainer(model, folder, **settings):
    """TRL's trainer, made as its users make it."""
    args = GRPOConfig(
        output_dir=str(folder), per_device_train_batch_size=ROWS, num_generations=ROWS, use_cpu=True, report_to=[],
        max_completion_length=LONGEST, gradient_accumulation_steps=1, bf16=False, temperature=1.0,
        gradient_checkpointing=False, **settings,
    )  # fmt: skip
    data = Dataset.from_list([{"prompt": "w4 w5"}] * ROWS)
    trainer = GRPOTrainer(
        model=model, args=args, train_dataset=data, processing_class=tiny_tokenizer(),
        reward_funcs=lambda completions, **_: [0.0] * len(completions),
    )  # fmt: skip
    trainer.current_gradient_accumulation_steps = 1
    return trainer


def inputs(model):
    """A batch as TRL's trainer builds it: tool observations inside completions, an old policy that differs."""
    generator = torch.Generator().manual_seed(11)
    completion_mask = torch.ones(ROWS, COMPLETION, dtype=torch.long)
    for row, length in enumerate((7, 6, 3, 7, 2, 5)):
        completion_mask[row, length:] = 0
    tool_mask = torch.ones(ROWS, COMPLETION, dtype=torch.long)
    tool_mask[0, 2:4] = 0
    tool_mask[3, 1:3] = 0
    out = {
        "prompt_ids": torch.randint(3, VOCABULARY, (ROWS, PROMPT), generator=generator),
        "prompt_mask": torch.ones(ROWS, PROMPT, dtype=torch.long),
        "completion_ids": torch.randint(3, VOCABULARY, (ROWS, COMPLETION), generator=generator),
        "completion_mask": completion_mask,
        "tool_mask": tool_mask,
        "advantages": torch.tensor([1.2, -0.7, 0.4, -1.1, 0.9, 0.3]),
        "num_items_in_batch": (completion_mask * tool_mask).sum(),
    }
    with torch.no_grad():
        now = completion_logprobs(model, out)
        # Far enough from the policy of now that some ratios are clipped at either side.
        out["old_per_token_logps"] = now + 0.35 * torch.randn(now.shape, generator=generator)
        out["ref_per_token_logps"] = now + 0.2 * torch.randn(now.shape, generator=generator)
    return out


def completion_logprobs(model, batch):
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1)
    mask = torch.cat([batch["prompt_mask"], batch["completion_mask"]], dim=1)
    logits = model(input_ids=ids, attention_mask=mask).logits[:, PROMPT - 1 : -1]
    return logits.log_softmax(-1).gather(2, batch["completion_ids"][..., None])[..., 0]


def token_batch(batch, sampler=None):
    return TokenBatch(
        mask_BT=(batch["completion_mask"] * batch["tool_mask"]).float(),
        advantages_B=batch["advantages"],
        old_logprobs_BT=batch["old_per_token_logps"],
        sampler_logprobs_BT=sampler,
        reference_logprobs_BT=batch["ref_per_token_logps"],
    )


def gradient(model, loss):
    model.zero_grad()
    loss.backward()
    return torch.cat([p.grad.reshape(-1) for p in model.parameters()]).clone()


@pytest.mark.parametrize(("kl", "weighted"), [(0.0, True), (0.1, True), (0.1, False)])
@pytest.mark.parametrize("objective", ["grpo", "dr_grpo", "dapo"])
def test_loss_and_gradient_equal_those_of_trl(objective, kl, weighted, tmp_path):
    model = tiny_model()
    trainer = trl_trainer(model, tmp_path, loss_type=objective, beta=0.0, epsilon=0.2, epsilon_high=0.28,
                          use_bias_correction_kl=weighted)  # fmt: skip
    trainer.beta = kl  # set afterwards: TRL would look for the reference model on its hub
    model.train()
    batch = inputs(model)
    theirs = trainer._compute_loss(trainer.model, batch)
    their_gradient = gradient(model, theirs)

    config = LossConfig(objective=objective, kl=kl, kl_weighted=weighted, max_tokens=LONGEST)
    ours = policy_loss(completion_logprobs(model, batch), token_batch(batch), config)
    our_gradient = gradient(model, ours)

    assert abs(ours.item() - theirs.item()) < 1e-5
    assert float((our_gradient - their_gradient).abs().max()) < 1e-5
    assert float(their_gradient.abs().max()) > 1e-3  # there was something to compare


def test_the_comparison_with_trl_notices_a_wrong_clip(tmp_path):
    model = tiny_model()
    trainer = trl_trainer(model, tmp_path, loss_type="dapo", beta=0.0, epsilon=0.2, epsilon_high=0.28)
    batch = inputs(model)
    theirs = trainer._compute_loss(trainer.model, batch)
    wrong = LossConfig(objective="dapo", clip_high=0.2)
    assert abs(float(policy_loss(completion_logprobs(model, batch), token_batch(batch), wrong)) - float(theirs)) > 1e-5


def test_parts_of_a_step_add_up_to_the_whole():
    model = tiny_model()
    batch = inputs(model)
    whole = token_batch(batch)
    logprobs = completion_logprobs(model, batch).detach()
    for objective in ("grpo", "dr_grpo", "dapo"):
        config = LossConfig(objective=objective)
        total = policy_loss(logprobs, whole, config)
        parts = 0.0
        for rows in (slice(0, 2), slice(2, 6)):
            part = TokenBatch(whole.mask_BT[rows], whole.advantages_B[rows], whole.old_logprobs_BT[rows])
            active = float(whole.mask_BT.sum())
            parts += float(policy_loss(logprobs[rows], part, config, active_tokens=active, sequences=ROWS))
        assert parts == pytest.approx(float(total), abs=1e-6)


def test_the_importance_weight_is_capped_and_carries_no_gradient():
    now = torch.zeros(1, 2, requires_grad=True)
    old = torch.zeros(1, 2)
    sampler = torch.tensor([[-3.0, 0.7]])  # ratios e^3, capped at 2, and e^-0.7
    terms = TokenBatch(torch.ones(1, 2), torch.tensor([1.0]), old, sampler)
    policy_loss(now, terms, LossConfig(truncate=2.0)).backward()
    expected = -torch.tensor([[2.0, float(torch.exp(torch.tensor(-0.7)))]]) / 2
    assert torch.allclose(now.grad, expected)


def test_advantages_are_those_of_the_group():
    rewards = torch.tensor([1.0, 0.0, 0.0, 1.0])
    assert torch.allclose(advantages(rewards), (rewards - 0.5) / (rewards.std() + 1e-4))
    assert torch.allclose(advantages(rewards, divide_by_std=False), rewards - 0.5)
    assert not is_live(torch.ones(4))
    assert is_live(rewards)


def test_kl_estimates_follow_their_definitions():
    now, reference = torch.tensor([[-1.0]]), torch.tensor([[-1.5]])
    assert float(kl_penalty(now, reference, "k1")) == pytest.approx(0.5)
    assert float(kl_penalty(now, reference, "k2")) == pytest.approx(0.125)
    assert float(kl_penalty(now, reference, "k3")) == pytest.approx(float(torch.exp(torch.tensor(-0.5))) - 0.5)
    assert float(kl_penalty(now, now, "k3")) == 0.0


def test_what_is_masked_reaches_no_gradient():
    logprobs = torch.randn(2, 4, requires_grad=True)
    mask = torch.tensor([[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0]])
    terms = TokenBatch(mask, torch.tensor([1.0, -1.0]), logprobs.detach() - 0.1)
    for objective in ("grpo", "dr_grpo", "dapo"):
        logprobs.grad = None
        policy_loss(logprobs, terms, LossConfig(objective=objective)).backward()
        assert bool(((logprobs.grad != 0) == (mask > 0)).all())


def test_all_shapes_stay_when_sequences_are_padded_further():
    logprobs = torch.randn(2, 4)
    mask = torch.tensor([[1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 1.0, 0.0]])
    terms = TokenBatch(mask, torch.tensor([1.0, -1.0]), logprobs - 0.05)
    wider = TokenBatch(pad(mask, (0, 3)), terms.advantages_B, pad(terms.old_logprobs_BT, (0, 3)))
    for objective in ("grpo", "dr_grpo", "dapo"):
        config = LossConfig(objective=objective)
        narrow = policy_loss(logprobs, terms, config)
        assert torch.allclose(policy_loss(pad(logprobs, (0, 3)), wider, config), narrow)
