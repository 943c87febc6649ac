"""The one interface of action tokenizers: a chunk of actions to a fixed number of tokens, and back.

Shapes: ``B`` chunks of ``T`` steps and ``n`` action dimensions become ``K = num_tokens`` tokens in
``0 .. V - 1``, ``V = vocab_size``. Everything a tokenizer learns from data is in buffers of fixed shape, so that it is
saved and restored with the policy's state dict.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from vla.errors import ConfigError


class ActionTokenizer(nn.Module, ABC):
    """Turns action chunks into tokens.

    Args:
        chunk_size: steps a chunk, ``T``.
        action_dim: dimensions an action, ``n``.
    """

    num_tokens: int
    vocab_size: int

    def __init__(self, chunk_size: int, action_dim: int) -> None:
        super().__init__()
        self.chunk_size = chunk_size
        self.action_dim = action_dim

    @abstractmethod
    def fit(self, chunks: NDArray[np.floating]) -> None:
        """Learn ranges (or merges) from chunks (N, T, n)."""

    @abstractmethod
    def encode(self, actions: Tensor) -> Tensor:
        """Return the tokens (B, K) int64 of chunks (B, T, n)."""

    @abstractmethod
    def decode(self, tokens: Tensor) -> Tensor:
        """Return the chunks (B, T, n) that tokens (B, K) stand for."""

    def token_mask(self, is_pad: Tensor) -> Tensor:
        """Return which tokens (B, K) count in the loss, given padded steps (B, T).

        A tokenizer whose tokens mix all steps counts every one: a chunk that runs past its episode is completed by
        holding the last action before it is encoded.
        """
        return torch.ones(is_pad.shape[0], self.num_tokens, dtype=torch.bool, device=is_pad.device)

    def loss(self, logits: Tensor, actions: Tensor) -> Tensor:
        """Return the cross-entropy (B, K) of logits (B, K, V) for chunks (B, T, n)."""
        targets = self.encode(actions)
        return functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none")

    def decode_logits(self, logits: Tensor) -> Tensor:
        """Return the chunks (B, T, n) that logits (B, K, V) predict."""
        return self.decode(logits.argmax(-1))

    def _check_chunks(self, chunks: NDArray[np.floating]) -> None:
        expected = (self.chunk_size, self.action_dim)
        if chunks.ndim != 3 or chunks.shape[1:] != expected or len(chunks) == 0:
            raise ConfigError(f"a tokenizer is fitted on chunks (N, {expected[0]}, {expected[1]}), got {chunks.shape}")
        if not np.isfinite(chunks).all():
            raise ConfigError("actions to fit a tokenizer on contain values that are not finite")


class BinnedTokenizer(ActionTokenizer):
    """A tokenizer whose tokens are ordered bins of ``K`` numbers, so that neighbouring tokens mean similar actions.

    The target is a Gaussian around the exact (fractional) bin position, and a prediction is the mean over the bins
    near the most likely one: resolution is finer than a bin, and two distant modes are never averaged.

    Args:
        chunk_size: steps a chunk, ``T``.
        action_dim: dimensions an action, ``n``.
        num_tokens: numbers a chunk is described by, ``K``.
        n_bins: bins a number, ``V``.
        label_sigma: width of the Gaussian target [bins]; 0 for a one-hot target.
        decode_window: bins on either side of the most likely one that a prediction is averaged over; 0 for argmax.
    """

    def __init__(
        self,
        chunk_size: int,
        action_dim: int,
        num_tokens: int,
        n_bins: int,
        *,
        label_sigma: float = 1.0,
        decode_window: int = 3,
    ) -> None:
        super().__init__(chunk_size, action_dim)
        if n_bins < 2:
            raise ConfigError(f"n_bins={n_bins}, but a tokenizer needs at least 2")
        self.num_tokens = num_tokens
        self.vocab_size = n_bins
        self.label_sigma = label_sigma
        self.decode_window = decode_window

    @abstractmethod
    def positions(self, actions: Tensor) -> Tensor:
        """Return fractional bin positions (B, K) in [0, V - 1] of chunks (B, T, n)."""

    @abstractmethod
    def from_positions(self, positions: Tensor) -> Tensor:
        """Return the chunks (B, T, n) at fractional bin positions (B, K)."""

    def encode(self, actions: Tensor) -> Tensor:
        """Return the tokens (B, K) int64 of chunks (B, T, n)."""
        return self.positions(actions).round().long()

    def decode(self, tokens: Tensor) -> Tensor:
        """Return the chunks (B, T, n) at the centres of the bins (B, K)."""
        return self.from_positions(tokens.clamp(0, self.vocab_size - 1).float())

    def loss(self, logits: Tensor, actions: Tensor) -> Tensor:
        """Return the cross-entropy (B, K) of logits (B, K, V) against the smoothed targets of chunks (B, T, n)."""
        if self.label_sigma == 0:
            return super().loss(logits, actions)
        bins = torch.arange(self.vocab_size, device=logits.device, dtype=torch.float32)
        distance = (bins - self.positions(actions)[..., None]) / self.label_sigma  # (B, K, V)
        targets = torch.softmax(-0.5 * distance.square(), dim=-1)
        return -(targets * torch.log_softmax(logits, dim=-1)).sum(-1)

    def decode_logits(self, logits: Tensor) -> Tensor:
        """Return the chunks (B, T, n) that logits (B, K, V) predict."""
        best = logits.argmax(-1, keepdim=True)  # (B, K, 1)
        if self.decode_window == 0:
            return self.decode(best[..., 0])
        offsets = torch.arange(-self.decode_window, self.decode_window + 1, device=logits.device)
        near = best + offsets  # (B, K, 2w + 1)
        inside = (near >= 0) & (near < self.vocab_size)
        scores = logits.gather(-1, near.clamp(0, self.vocab_size - 1)).masked_fill(~inside, -torch.inf)
        return self.from_positions((torch.softmax(scores, dim=-1) * near).sum(-1))


class StepwiseTokenizer(BinnedTokenizer):
    """A binned tokenizer with one token a step and dimension.

    Args:
        chunk_size: steps a chunk, ``T``.
        action_dim: dimensions an action, ``n``.
        n_bins: bins a value.
        label_sigma: see ``BinnedTokenizer``.
        decode_window: see ``BinnedTokenizer``.
    """

    def __init__(
        self, chunk_size: int, action_dim: int, n_bins: int = 128, *, label_sigma: float = 1.0, decode_window: int = 3
    ) -> None:
        super().__init__(
            chunk_size,
            action_dim,
            chunk_size * action_dim,
            n_bins,
            label_sigma=label_sigma,
            decode_window=decode_window,
        )

    def token_mask(self, is_pad: Tensor) -> Tensor:
        """Return which tokens (B, T * n) belong to steps that are not padded (B, T)."""
        return (~is_pad).repeat_interleave(self.action_dim, dim=1)
