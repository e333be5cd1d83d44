"""A policy as bytes: configuration, vocabulary and weights together, so a worker needs nothing else."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

import torch

from factory.errors import PolicyError
from rollout.learner.model import Model, ModelConfig
from rollout.learner.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model and its tokenizer."""

    model: Model
    tokenizer: Tokenizer

    def version(self) -> str:
        """Names the weights: hex of a digest over vocabulary and parameters, independent of how they are stored."""
        digest = hashlib.sha256(self.tokenizer.digest.encode())
        for name, p in sorted(self.model.state_dict().items()):
            digest.update(name.encode())
            digest.update(p.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]

    def to_bytes(self) -> bytes:
        """Serialized; :meth:`from_bytes` takes it back."""
        out = io.BytesIO()
        weights = {name: p.detach().cpu() for name, p in self.model.state_dict().items()}
        words = list(self.tokenizer.words)
        torch.save({"config": self.model.config.model_dump(), "words": words, "weights": weights}, out)
        return out.getvalue()

    @classmethod
    def from_bytes(cls, payload: bytes, device: str = "cpu") -> Checkpoint:
        """Raises PolicyError if ``payload`` is no checkpoint. Loads data only, never code."""
        try:
            data = torch.load(io.BytesIO(payload), map_location=device, weights_only=True)
            model = Model(ModelConfig(**data["config"]))
            model.load_state_dict(data["weights"])
            tokenizer = Tokenizer(data["words"])
        except Exception as error:
            raise PolicyError(
                f"checkpoint of {len(payload)} bytes cannot be read: {type(error).__name__}: {error}",
                "train again, or name a checkpoint that training wrote",
            ) from error
        return cls(model.to(device), tokenizer)
