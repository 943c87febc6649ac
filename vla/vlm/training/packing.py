"""Many questions about one view in one row: the images are seen once, and no question sees another one.

A row is a tree of segments. Each stands directly behind its parent, in position and in what it attends to, as if the
row consisted of its ancestors and itself: the images are the root, questions stand behind them, answers behind
questions. Two answers to one question share it. Krell et al. (2021) mask packed sequences alike, without shared
prefixes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vla.errors import ConfigError

if TYPE_CHECKING:
    from vla.vlm.training.scenes import Scene

Batch = dict[str, Tensor]
STEP = 32
"""Batches are padded to a multiple of this: kernels and memory are kept for each length that occurs."""


@dataclass(frozen=True)
class Segment:
    """Tokens that follow one another."""

    tokens: tuple[int, ...]
    parent: int
    """Index of the segment that it stands behind; -1 for the root."""
    answer: bool = False
    """Whether these tokens are to be predicted."""


@dataclass(frozen=True)
class Row:
    """A view with its questions."""

    segments: tuple[Segment, ...]
    """Parents before children."""
    images: Tensor
    """Images in the order of their placeholders, uint8 (I, 3, S, S)."""
    scene: Scene | None = None
    """What is where in one of them."""

    @property
    def length(self) -> int:
        """Tokens in all."""
        return sum(len(segment.tokens) for segment in self.segments)


def collate(rows: Sequence[Row], pad: int) -> Batch:
    """Return the rows as one batch, padded to the longest, and on to a multiple of `STEP`.

    Args:
        rows: at least one.
        pad: token that fills the ends of rows.

    Returns:
        ``input_ids`` and ``position_ids`` (B, L), ``attends`` (B, 1, L, L) which says what each token (third axis)
        sees, ``images`` uint8 (I, 3, S, S), and for each of T tokens to predict its ``target``, its ``row``, the
        ``place`` (in the row) of the token before it, and its ``answer``, counted over the batch, each (T,).

    Raises:
        ConfigError: an answer has no parent.
    """
    length = -(-max(row.length for row in rows) // STEP) * STEP
    ids = torch.full((len(rows), length), pad)
    positions = torch.zeros(len(rows), length, dtype=torch.long)
    attends = torch.eye(length, dtype=torch.bool).repeat(len(rows), 1, 1, 1)
    targets: list[tuple[int, int, int, int]] = []
    answers = 0
    for index, row in enumerate(rows):
        owner, starts, ends, depth = _lay_out(row)
        size = len(owner)
        ids[index, :size] = torch.tensor([token for segment in row.segments for token in segment.tokens])
        ranges = [torch.arange(len(segment.tokens)) + first for segment, first in zip(row.segments, depth, strict=True)]
        positions[index, :size] = torch.cat(ranges)
        attends[index, 0, :size, :size] = (_ancestors(row)[owner][:, owner]).tril()
        for number, segment in enumerate(row.segments):
            if not segment.answer:
                continue
            if segment.parent < 0:
                raise ConfigError("an answer stands behind nothing")
            before = [ends[segment.parent] - 1, *range(starts[number], ends[number] - 1)]
            targets += [(token, index, place, answers) for token, place in zip(segment.tokens, before, strict=True)]
            answers += 1
    target, where, place, answer = torch.tensor(targets, dtype=torch.long).reshape(-1, 4).unbind(dim=1)
    return {
        "input_ids": ids,
        "position_ids": positions,
        "attends": attends,
        "images": torch.cat([row.images for row in rows]),
        "target": target,
        "row": where,
        "place": place,
        "answer": answer,
    }


def _lay_out(row: Row) -> tuple[Tensor, list[int], list[int], list[int]]:
    """Return each token's segment (L,), and each segment's start, end, and first position."""
    starts, ends, depth = [], [], []
    total = 0
    for segment in row.segments:
        starts.append(total)
        total += len(segment.tokens)
        ends.append(total)
        parent = segment.parent
        depth.append(0 if parent < 0 else depth[parent] + len(row.segments[parent].tokens))
    lengths = torch.tensor([len(segment.tokens) for segment in row.segments])
    return torch.repeat_interleave(torch.arange(len(lengths)), lengths), starts, ends, depth


def _ancestors(row: Row) -> Tensor:
    """Return for each segment (first axis) whether another one is its ancestor, or itself (S, S)."""
    sees = torch.eye(len(row.segments), dtype=torch.bool)
    for number, segment in enumerate(row.segments):
        if segment.parent >= 0:
            sees[number] |= sees[segment.parent]
    return sees
