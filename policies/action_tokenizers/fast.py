"""FAST: cosine transform, rounding, byte-pair encoding (Pertsch et al., arXiv 2501.09747, section V)."""

from __future__ import annotations

import json

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from policies.action_tokenizers.base import ActionTokenizer
from policies.action_tokenizers.dct import dct_basis
from policies.action_tokenizers.ranges import robust_range
from vla.errors import ConfigError

PAD = 0
LARGEST_LEVEL = 63
"""Rounded coefficients are clipped to -63 .. 63: the alphabet that byte-pair encoding starts from."""
ALPHABET = 2 * LARGEST_LEVEL + 1
FIRST_CHARACTER = 0x100


class FastTokenizer(ActionTokenizer):
    """Cosine coefficients of all dimensions, rounded, lowest frequency first, compressed by byte-pair encoding.

    The code is of variable length. A parallel head needs a fixed one, so codes are padded with token 0 to
    ``max_tokens``; a code that is longer loses its end, i.e. its highest frequencies. A predicted code that stops
    early stands for zeros in what is missing.

    Args:
        chunk_size: steps a chunk, ``T``.
        action_dim: dimensions an action, ``n``.
        vocab_size: tokens including the padding, at least 129.
        max_tokens: tokens a chunk, ``K``.
        scale: levels a unit of the normalised coefficients is divided into.
        max_training_chunks: byte-pair encoding is trained on at most that many chunks, evenly spaced.
    """

    def __init__(
        self,
        chunk_size: int,
        action_dim: int,
        vocab_size: int = 512,
        max_tokens: int = 48,
        *,
        scale: float = 10.0,
        max_training_chunks: int = 20_000,
    ) -> None:
        super().__init__(chunk_size, action_dim)
        if vocab_size < ALPHABET + 2:
            raise ConfigError(f"FAST vocab_size={vocab_size}, but its alphabet alone needs {ALPHABET + 2}")
        self.num_tokens = max_tokens
        self.vocab_size = vocab_size
        self.scale = scale
        self.max_training_chunks = max_training_chunks
        self.basis: Tensor
        self.low: Tensor
        self.high: Tensor
        self.merges: Tensor
        self.register_buffer("basis", dct_basis(chunk_size, chunk_size), persistent=False)
        self.register_buffer("low", -torch.ones(action_dim))
        self.register_buffer("high", torch.ones(action_dim))
        n_merges = vocab_size - 1 - ALPHABET
        self.register_buffer("merges", torch.full((n_merges, 2), -1, dtype=torch.int64))  # pairs of tokens; -1: unused
        self._codec: _Codec | None = None

    def fit(self, chunks: NDArray[np.floating]) -> None:
        """Learn the range of each dimension and the merges from chunks (N, T, n)."""
        self._check_chunks(chunks)
        low, high = robust_range(chunks.reshape(-1, self.action_dim), quantile=0.01)
        self.low.copy_(torch.from_numpy(low))
        self.high.copy_(torch.from_numpy(high))
        sample = chunks[:: -(-len(chunks) // self.max_training_chunks)]
        levels = self._levels(torch.from_numpy(np.ascontiguousarray(sample, np.float32)).to(self.low.device))
        merges = _train_merges(levels.cpu().numpy(), len(self.merges))
        self.merges.fill_(-1)
        self.merges[: len(merges)] = torch.tensor(merges, dtype=torch.int64).reshape(-1, 2)

    def encode(self, actions: Tensor) -> Tensor:
        """Return the padded codes (B, K) int64 of chunks (B, T, n)."""
        levels = self._levels(actions).cpu().numpy()
        tokens = np.full((len(levels), self.num_tokens), PAD, np.int64)
        for row, code in zip(tokens, self.codec.encode(levels), strict=True):
            kept = code[: self.num_tokens]
            row[: len(kept)] = kept
        return torch.from_numpy(tokens).to(actions.device)

    def decode(self, tokens: Tensor) -> Tensor:
        """Return the chunks (B, T, n) of codes (B, K)."""
        size = self.chunk_size * self.action_dim
        levels = np.stack([self.codec.decode(code, size) for code in tokens.cpu().tolist()])  # (B, T * n)
        coefficients = torch.from_numpy(levels).to(self.low).view(-1, self.chunk_size, self.action_dim) / self.scale
        unit = torch.einsum("ct,bcn->btn", self.basis, coefficients)
        return self.low + (unit + 1) / 2 * (self.high - self.low)

    def code_lengths(self, actions: Tensor) -> list[int]:
        """Return the number of tokens of each chunk (B, T, n) before padding and truncation."""
        return [len(code) for code in self.codec.encode(self._levels(actions).cpu().numpy())]

    @property
    def codec(self) -> _Codec:
        """The byte-pair code that the merges in the buffer define."""
        merges = self.merges.cpu().numpy()
        if self._codec is None or not np.array_equal(self._codec.merges, merges):
            self._codec = _Codec(merges)
        return self._codec

    def _levels(self, actions: Tensor) -> Tensor:
        """Return rounded coefficients (B, T * n), lowest frequency first."""
        unit = 2 * (actions - self.low) / (self.high - self.low) - 1
        coefficients = torch.einsum("ct,btn->bcn", self.basis, unit)
        return (coefficients * self.scale).round().clamp(-LARGEST_LEVEL, LARGEST_LEVEL).long().flatten(1)


class _Codec:
    """Byte-pair encoding of sequences of levels, defined by pairs of tokens to merge (M, 2)."""

    def __init__(self, merges: NDArray[np.int64]) -> None:
        from tokenizers import Tokenizer, models

        self.merges = merges.copy()
        texts = ["<pad>", *(chr(FIRST_CHARACTER + level) for level in range(ALPHABET))]
        pairs = []
        for left, right in merges[merges[:, 0] >= 0].tolist():
            pairs.append((texts[left], texts[right]))
            texts.append(texts[left] + texts[right])
        self._levels = [[ord(character) - FIRST_CHARACTER - LARGEST_LEVEL for character in text] for text in texts[1:]]
        self._levels.insert(PAD, [])
        self._tokenizer = Tokenizer(models.BPE(vocab={text: i for i, text in enumerate(texts)}, merges=pairs))

    def encode(self, levels: NDArray[np.int64]) -> list[list[int]]:
        return [encoding.ids for encoding in self._tokenizer.encode_batch(_texts(levels))]

    def decode(self, code: list[int], size: int) -> NDArray[np.float32]:
        """Return ``size`` levels; what the code does not reach is 0, what goes beyond is dropped."""
        levels = [level for token in code if token < len(self._levels) for level in self._levels[token]][:size]
        return np.asarray(levels + [0] * (size - len(levels)), np.float32)


def _texts(levels: NDArray[np.int64]) -> list[str]:
    return ["".join(map(chr, row)) for row in (levels + FIRST_CHARACTER + LARGEST_LEVEL).tolist()]


def _train_merges(levels: NDArray[np.int64], n_merges: int) -> list[tuple[int, int]]:
    """Return the pairs of tokens to merge, most useful first, from sequences of levels (N, L)."""
    from tokenizers import Tokenizer, models, trainers

    alphabet = [chr(FIRST_CHARACTER + level) for level in range(ALPHABET)]
    tokenizer = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=ALPHABET + n_merges, initial_alphabet=alphabet, show_progress=False, max_token_length=16
    )
    tokenizer.train_from_iterator(_texts(levels), trainer)
    numbers = {character: 1 + level for level, character in enumerate(alphabet)}
    merges = []
    for left, right in json.loads(tokenizer.to_str())["model"]["merges"]:
        if left + right in numbers:
            continue
        numbers[left + right] = len(numbers) + 1
        merges.append((numbers[left], numbers[right]))
    return merges[:n_merges]
