"""Bins of equal population of each action value."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from policies.action_tokenizers.base import StepwiseTokenizer
from policies.action_tokenizers.ranges import SMALLEST_RANGE


class QuantileTokenizer(StepwiseTokenizer):
    """One token a step and dimension; bin centres at quantiles of the data, so bins are fine where actions are common.

    See ``StepwiseTokenizer`` for the arguments.
    """

    def __init__(
        self, chunk_size: int, action_dim: int, n_bins: int = 128, *, label_sigma: float = 1.0, decode_window: int = 3
    ) -> None:
        super().__init__(chunk_size, action_dim, n_bins, label_sigma=label_sigma, decode_window=decode_window)
        self.centers: Tensor
        self.register_buffer("centers", torch.linspace(-1, 1, n_bins).repeat(self.num_tokens, 1))  # (K, V)

    def fit(self, chunks: NDArray[np.floating]) -> None:
        """Set the bin centres of each step and dimension from chunks (N, T, n)."""
        self._check_chunks(chunks)
        values = chunks.reshape(len(chunks), -1)  # (N, K)
        centers = np.quantile(values, np.linspace(0, 1, self.vocab_size), axis=0).T  # (K, V)
        ramp = np.arange(self.vocab_size) * (SMALLEST_RANGE / self.vocab_size)  # keeps centres apart where data repeat
        self.centers.copy_(torch.from_numpy((centers + ramp).astype(np.float32)))

    def positions(self, actions: Tensor) -> Tensor:
        """Return fractional bin positions (B, T * n) of chunks (B, T, n), linear between bin centres."""
        values = actions.flatten(1).T.contiguous()  # (K, B)
        right = torch.searchsorted(self.centers, values).clamp(1, self.vocab_size - 1)
        low = self.centers.gather(1, right - 1)
        high = self.centers.gather(1, right)
        fraction = ((values - low) / (high - low)).clamp(0, 1)
        return (right - 1 + fraction).T

    def from_positions(self, positions: Tensor) -> Tensor:
        """Return the chunks (B, T, n) at fractional bin positions (B, T * n)."""
        place = positions.T.clamp(0, self.vocab_size - 1)  # (K, B)
        left = place.floor().long().clamp(max=self.vocab_size - 2)
        low = self.centers.gather(1, left)
        high = self.centers.gather(1, left + 1)
        values = low + (place - left) * (high - low)
        return values.T.reshape(-1, self.chunk_size, self.action_dim)
