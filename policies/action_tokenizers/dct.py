"""Bins of the lowest cosine coefficients of each dimension along time."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.fft import dct
from torch import Tensor

from policies.action_tokenizers.base import BinnedTokenizer
from policies.action_tokenizers.ranges import robust_range
from vla.errors import ConfigError


def dct_basis(chunk_size: int, n_coefficients: int) -> Tensor:
    """Return the first rows of the orthonormal DCT-II matrix (C, T)."""
    basis = np.asarray(dct(np.eye(chunk_size), axis=0, norm="ortho"), np.float32)
    return torch.from_numpy(np.ascontiguousarray(basis[:n_coefficients]))


class DctTokenizer(BinnedTokenizer):
    """One token a cosine coefficient and dimension, the lowest frequencies only: smooth chunks from few tokens.

    Each coefficient has its own range, between quantiles of the data. Bins are spaced evenly after ``asinh``
    companding, i.e. finer near the middle of the range, where most coefficients lie.

    Args:
        chunk_size: steps a chunk, ``T``.
        action_dim: dimensions an action, ``n``.
        n_bins: bins a coefficient.
        n_coefficients: coefficients kept a dimension, ``C``; ``K = C n``.
        companding: how much finer bins are in the middle than in the linear case; 0 for even bins.
        label_sigma: see ``BinnedTokenizer``.
        decode_window: see ``BinnedTokenizer``.
    """

    def __init__(
        self,
        chunk_size: int,
        action_dim: int,
        n_bins: int = 128,
        n_coefficients: int = 6,
        *,
        companding: float = 4.0,
        label_sigma: float = 1.0,
        decode_window: int = 3,
    ) -> None:
        if not 1 <= n_coefficients <= chunk_size:
            raise ConfigError(f"n_coefficients={n_coefficients} is not within 1 .. chunk_size={chunk_size}")
        super().__init__(
            chunk_size,
            action_dim,
            n_coefficients * action_dim,
            n_bins,
            label_sigma=label_sigma,
            decode_window=decode_window,
        )
        self.n_coefficients = n_coefficients
        self.companding = companding
        self.basis: Tensor
        self.low: Tensor
        self.high: Tensor
        self.register_buffer("basis", dct_basis(chunk_size, n_coefficients), persistent=False)
        self.register_buffer("low", -torch.ones(n_coefficients, action_dim))
        self.register_buffer("high", torch.ones(n_coefficients, action_dim))

    def fit(self, chunks: NDArray[np.floating]) -> None:
        """Set the range of each coefficient from chunks (N, T, n)."""
        self._check_chunks(chunks)
        coefficients = np.einsum("ct,btn->bcn", self.basis.cpu().numpy(), chunks)
        low, high = robust_range(coefficients, quantile=0.0005, margin=0.1)
        self.low.copy_(torch.from_numpy(low))
        self.high.copy_(torch.from_numpy(high))

    def positions(self, actions: Tensor) -> Tensor:
        """Return fractional bin positions (B, C * n) of chunks (B, T, n)."""
        coefficients = torch.einsum("ct,btn->bcn", self.basis, actions)
        signed = 2 * (coefficients - self.low) / (self.high - self.low) - 1
        return ((self._compress(signed.clamp(-1, 1)) + 1) / 2 * (self.vocab_size - 1)).flatten(1)

    def from_positions(self, positions: Tensor) -> Tensor:
        """Return the chunks (B, T, n) at fractional bin positions (B, C * n)."""
        place = positions.view(-1, self.n_coefficients, self.action_dim) / (self.vocab_size - 1)
        unit = (self._expand(2 * place - 1) + 1) / 2
        coefficients = self.low + unit * (self.high - self.low)
        return torch.einsum("ct,bcn->btn", self.basis, coefficients)

    def _compress(self, signed: Tensor) -> Tensor:
        if self.companding == 0:
            return signed
        return torch.asinh(self.companding * signed) / np.arcsinh(self.companding)

    def _expand(self, signed: Tensor) -> Tensor:
        if self.companding == 0:
            return signed
        return torch.sinh(signed * np.arcsinh(self.companding)) / self.companding
