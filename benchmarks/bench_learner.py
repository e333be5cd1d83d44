"""How fast the learner is: whole loop, generation, training; beside TRL's GRPOTrainer on a model of the same size.

``python benchmarks/bench_learner.py [--seconds N] [--no-trl]``. One thread, no disk, the scripted mailbox. Writes
``out/bench/learner.json``. TRL has no multi-turn environment here: its samples are one turn of at most as many tokens.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rollout.learner.checkpoint import Checkpoint
from rollout.learner.evaluate import attempts, collect, task_ids
from rollout.learner.generate import Request, generate
from rollout.learner.grpo import GrpoConfig, Round, train
from rollout.learner.model import Model, ModelConfig
from rollout.learner.optimise import imitation_loss, make_optimizer, optimise
from rollout.learner.sft import SftConfig, WarmStart, demonstration_rows, demonstration_texts
from rollout.learner.tokenizer import Tokenizer
from rollout.learner.toy import ToyMailbox
from rollout.pools import LocalPool, PolicySpec

PROMPTS, GROUP, TURN = 16, 16, 32
VOCABULARY = 800  # about the mail world's


async def _demonstrated(suite: ToyMailbox) -> tuple[Tokenizer, list[Any]]:
    async with LocalPool(suite) as pool:
        wanted = attempts("demo", task_ids(suite, "train"), range(4), 0)
        found = await collect(pool, wanted, PolicySpec("noisy_oracle", b'{"noise": 0.5}'))
    tokenizer = Tokenizer.build(demonstration_texts(found))
    filler = [f"filler{i}" for i in range(VOCABULARY - len(tokenizer))]
    tokenizer = Tokenizer([*tokenizer.words, *filler])
    return tokenizer, demonstration_rows(tokenizer, found, 320)


async def loop(seconds: float) -> dict[str, float]:
    """Samples per second of whole rounds: play, credit, optimizer step; and the tokens/s of each half."""
    suite = ToyMailbox(templates=("label",))
    tokenizer, rows = await _demonstrated(suite)
    model = Model(ModelConfig(vocabulary=len(tokenizer), context=320))
    WarmStart(model, rows, SftConfig(steps=160)).run(160)  # until some attempts succeed: dead groups cost nothing
    rounds: list[Round] = []
    begun = time.perf_counter()

    async def on_round(done: Round, _: Checkpoint) -> None:
        rounds.append(done)

    async def reached() -> bool:
        return time.perf_counter() - begun > seconds

    async with LocalPool(suite) as pool:
        config = GrpoConfig(rounds=10_000, prompts=PROMPTS, group=GROUP, steps=1, epochs=1, max_tokens=TURN)
        await train(pool, suite, config, start=Checkpoint(model, tokenizer), on_round=on_round, reached=reached)
    wall = time.perf_counter() - begun
    play, learn = sum(r.play_s for r in rounds), sum(r.learn_s for r in rounds)
    trained = sum(u.tokens for r in rounds for u in r.updates)
    return {
        "rounds": len(rounds),
        "live_groups_per_round": sum(r.live for r in rounds) / len(rounds),
        "samples_per_s": sum(r.rollouts for r in rounds) / wall,
        "play_share": play / wall,
        "sampled_tokens_per_s_of_play": sum(r.tokens for r in rounds) / play,
        "trained_tokens_per_s_of_learn": trained / learn,
        "parameters": sum(p.numel() for p in model.parameters()),
    }


def engine() -> dict[str, float]:
    """Generation and training alone, on random tokens: PROMPTS × GROUP rows, prompts of 48, turns of TURN tokens."""
    model = Model(ModelConfig(vocabulary=VOCABULARY, context=320))
    generator = torch.Generator().manual_seed(0)
    prompts = torch.randint(5, VOCABULARY, (PROMPTS, 48), generator=generator).tolist()
    wanted = [Request(tuple(prompts[i % PROMPTS]), i, 1.0, TURN) for i in range(PROMPTS * GROUP)]
    begun = time.perf_counter()
    sampled = [s for _ in range(3) for s in generate(model, wanted)]
    generation = sum(len(s.ids) for s in sampled) / (time.perf_counter() - begun)
    from rollout.learner.batch import Row

    rows = [Row(tuple(p), (False,) * 24 + (True,) * 24, (0.0,) * 48) for p in prompts * 4]
    optimizer = make_optimizer(model, 1e-4)
    begun = time.perf_counter()
    tokens = sum(optimise(model, [optimizer], rows, imitation_loss).tokens for _ in range(8))
    return {"generated_tokens_per_s": generation, "trained_tokens_per_s": tokens / (time.perf_counter() - begun)}


def trl(steps: int = 6) -> dict[str, float]:
    """TRL's own trainer: a Llama of the same shape, the same number of samples a step, one turn each."""
    from datasets import Dataset
    from tokenizers import Tokenizer as Words
    from tokenizers import models
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
    from trl import GRPOConfig, GRPOTrainer

    words = Words(models.WordLevel({f"w{i}": i for i in range(VOCABULARY)}, unk_token="w3"))
    words.pre_tokenizer = Whitespace()
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=96, intermediate_size=256, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=320, tie_word_embeddings=True, pad_token_id=0, eos_token_id=1,
        bos_token_id=2,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    with tempfile.TemporaryDirectory() as folder:
        args = GRPOConfig(
            output_dir=folder, per_device_train_batch_size=PROMPTS * GROUP, num_generations=GROUP, use_cpu=True,
            max_completion_length=TURN, max_steps=steps, report_to=[], bf16=False, gradient_checkpointing=False,
            save_strategy="no", logging_steps=1000, disable_tqdm=True, beta=0.0, learning_rate=5e-4,
        )  # fmt: skip
        data = Dataset.from_list(
            [{"prompt": " ".join(f"w{4 + (7 * i + j) % 700}" for j in range(48))} for i in range(64)]
        )
        trainer = GRPOTrainer(
            model=model, args=args, train_dataset=data,
            processing_class=PreTrainedTokenizerFast(tokenizer_object=words, pad_token="w0", eos_token="w1"),
            reward_funcs=lambda completion_ids, **_: [float(ids[0] % 2) for ids in completion_ids],
        )  # fmt: skip
        begun = time.perf_counter()
        trainer.train()
        wall = time.perf_counter() - begun
    return {"samples_per_s": steps * PROMPTS * GROUP / wall, "parameters": sum(p.numel() for p in model.parameters())}


def main() -> int:
    """Prints and writes the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0, help="of the whole loop")
    parser.add_argument("--no-trl", action="store_true")
    parser.add_argument("--out", default="out/bench/learner.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, Any] = {"threads": 1, "engine": engine(), "loop": asyncio.run(loop(arguments.seconds))}
    if not arguments.no_trl:
        found["trl"] = trl()
        found["samples_per_s_ratio_to_trl"] = found["loop"]["samples_per_s"] / found["trl"]["samples_per_s"]
    out = Path(arguments.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
