"""What a stage trains: the model, and what it needs besides."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from vla.vlm.modeling import VisionLanguageModel
from vla.vlm.processing import VlmProcessor

HEADS = "heads.safetensors"
"""Beside a trained model: what the stage has learned that is no part of it, for the next stage."""


class Learner(nn.Module, ABC):
    """A model with the loss of a stage. Exactly what is to be trained requires gradients.

    Args:
        model: the model.
        processor: of the model.
    """

    def __init__(self, model: VisionLanguageModel, processor: VlmProcessor) -> None:
        super().__init__()
        self.model, self.processor = model, processor

    def trained_heads(self) -> nn.Module | None:
        """What is trained beside the model; None if there is nothing."""
        return None

    @abstractmethod
    def forward(self, **batch: Tensor) -> dict[str, Tensor]:
        """Return ``loss``, and other scalars worth recording."""

    def train(self, mode: bool = True) -> Learner:
        """Set the mode; what is frozen stays in evaluation mode."""
        super().train(mode)
        for name in ("vision_encoder", "connector", "language_model"):
            part = getattr(self.model, name)
            if not any(weight.requires_grad for weight in part.parameters()):
                part.eval()
        return self

    def finish(self) -> VisionLanguageModel:
        """Return the trained model, with everything in its place."""
        return self.model
