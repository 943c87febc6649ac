"""What the policy predicts: actions relative to the current state where that makes sense, and their statistics."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

logger = logging.getLogger(__name__)

SMALLEST_DEVIATION = 1e-3


class ActionSpace(nn.Module):
    """Converts between absolute actions and the policy's targets; holds the statistics of states and targets.

    Args:
        state_dim: dimensions of the state, ``m``.
        action_dim: dimensions of an action, ``n``.
        relative: which dimensions are relative to the state (n,).
    """

    def __init__(self, state_dim: int, action_dim: int, relative: Sequence[bool]) -> None:
        super().__init__()
        self.state_mean: Tensor
        self.state_deviation: Tensor
        self.target_mean: Tensor
        self.target_deviation: Tensor
        self.fitted: Tensor
        self.relative: Tensor
        self.register_buffer("state_mean", torch.zeros(state_dim))
        self.register_buffer("state_deviation", torch.ones(state_dim))
        self.register_buffer("target_mean", torch.zeros(action_dim))
        self.register_buffer("target_deviation", torch.ones(action_dim))
        self.register_buffer("fitted", torch.zeros((), dtype=torch.bool))
        self.register_buffer("relative", torch.tensor(list(relative), dtype=torch.float32))
        self.action_dim = action_dim
        self.state_dim = state_dim

    def fit(self, chunks: NDArray[np.floating], states: NDArray[np.floating]) -> NDArray[np.float32]:
        """Learn the statistics from absolute chunks (N, T, n) and states (N, m); return the targets (N, T, n)."""
        targets = self.to_targets(torch.from_numpy(chunks).float(), torch.from_numpy(states).float()).numpy()
        for mean, deviation, values in (
            (self.state_mean, self.state_deviation, states),
            (self.target_mean, self.target_deviation, targets.reshape(-1, self.action_dim)),
        ):
            mean.copy_(torch.from_numpy(values.mean(0)))
            deviation.copy_(torch.from_numpy(np.maximum(values.std(0), SMALLEST_DEVIATION)))
        self.fitted.fill_(True)
        return targets

    def to_targets(self, actions: Tensor, states: Tensor) -> Tensor:
        """Return the targets (B, T, n) of absolute actions (B, T, n), given states (B, m)."""
        return actions - self._offset(states)

    def to_absolute(self, targets: Tensor, states: Tensor) -> Tensor:
        """Return the absolute actions (B, T, n) of targets (B, T, n), given states (B, m)."""
        return targets + self._offset(states)

    def normalized_state(self, states: Tensor) -> Tensor:
        """Return states (B, m) in units of their deviation."""
        return (states - self.state_mean) / self.state_deviation

    def _offset(self, states: Tensor) -> Tensor:
        shared = min(self.state_dim, self.action_dim)
        offset = states.new_zeros(states.shape[0], self.action_dim)
        offset[:, :shared] = states[:, :shared]
        return (offset * self.relative.to(states.device))[:, None]  # (B, 1, n)


def relative_mask(
    relative: bool, exclude: Sequence[str], names: Sequence[str] | None, state_dim: int, action_dim: int
) -> list[bool]:
    """Return which action dimensions are relative to the state.

    Args:
        relative: False makes none relative.
        exclude: dimensions whose name contains one of these stay absolute.
        names: names of the action dimensions, if known.
        state_dim: dimensions without a counterpart in the state stay absolute.
        action_dim: number of action dimensions.
    """
    if not relative:
        return [False] * action_dim
    known = list(names) if names and len(names) == action_dim else []
    if exclude and not known:
        logger.warning("action dimensions have no names, so relative_exclude=%s excludes none of them", list(exclude))
    known = known or [""] * action_dim
    return [i < state_dim and not any(word.lower() in name.lower() for word in exclude) for i, name in enumerate(known)]
