"""Exponential moving average of the weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """Running average of a model's trainable weights; the decay warms up, so early averages forget the initialisation.

    After ``t`` updates the decay is min(decay, (1 + t) / (10 + t)).

    Args:
        model: the model to follow; its current weights start the average.
        decay: weight of the past; 0 makes the average equal to the weights.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {name: weight.detach().clone() for name, weight in _trainable(model).items()}

    @torch.no_grad()
    def update(self, model: nn.Module, updates: int) -> None:
        """Take in the model's weights after ``updates`` optimizer updates."""
        decay = min(self.decay, (1 + updates) / (10 + updates))
        trainable = _trainable(model)
        current: list[Tensor] = [trainable[name] for name in self.weights]
        torch._foreach_lerp_(list(self.weights.values()), current, 1 - decay)

    @contextmanager
    def applied(self, model: nn.Module) -> Iterator[None]:
        """Put the averaged weights into the model for the duration of the block."""
        raw = {name: weight.detach().clone() for name, weight in _trainable(model).items()}
        set_weights(model, self.weights)
        try:
            yield
        finally:
            set_weights(model, raw)


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """Return a copy of the trainable weights."""
    return {name: weight.detach().clone().contiguous() for name, weight in _trainable(model).items()}


@torch.no_grad()
def set_weights(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Copy weights into the model."""
    for name, weight in _trainable(model).items():
        weight.copy_(weights[name])


def _trainable(model: nn.Module) -> dict[str, nn.Parameter]:
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
