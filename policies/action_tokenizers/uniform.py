"""Uniform bins of each action value."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from policies.action_tokenizers.base import StepwiseTokenizer
from policies.action_tokenizers.ranges import robust_range


class UniformTokenizer(StepwiseTokenizer):
    """One token a step and dimension; bins of equal width between the extremes seen in the data.

    See ``StepwiseTokenizer`` for the arguments.
    """

    def __init__(
        self, chunk_size: int, action_dim: int, n_bins: int = 128, *, label_sigma: float = 1.0, decode_window: int = 3
    ) -> None:
        super().__init__(chunk_size, action_dim, n_bins, label_sigma=label_sigma, decode_window=decode_window)
        self.low: Tensor
        self.high: Tensor
        self.register_buffer("low", -torch.ones(chunk_size, action_dim))
        self.register_buffer("high", torch.ones(chunk_size, action_dim))

    def fit(self, chunks: NDArray[np.floating]) -> None:
        """Set the range of each step and dimension from chunks (N, T, n)."""
        self._check_chunks(chunks)
        low, high = robust_range(chunks, quantile=0.0)
        self.low.copy_(torch.from_numpy(low))
        self.high.copy_(torch.from_numpy(high))

    def positions(self, actions: Tensor) -> Tensor:
        """Return fractional bin positions (B, T * n) of chunks (B, T, n)."""
        unit = (actions - self.low) / (self.high - self.low)
        return (unit.clamp(0, 1) * (self.vocab_size - 1)).flatten(1)

    def from_positions(self, positions: Tensor) -> Tensor:
        """Return the chunks (B, T, n) at fractional bin positions (B, T * n)."""
        unit = positions.view(-1, self.chunk_size, self.action_dim) / (self.vocab_size - 1)
        return self.low + unit * (self.high - self.low)
