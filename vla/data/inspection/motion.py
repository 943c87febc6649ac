"""How vector columns change from tick to tick."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vla.data.inspection.folder import DatasetFolder

JUMP_FRACTION = 0.4
"""A change in one tick above this part of a dimension's range (1% to 99% quantile) is a jump."""
BINARY_VALUES = 3
"""Dimensions with at most so many different values, such as an open/close command, may jump."""


def steps(folder: DatasetFolder, name: str) -> NDArray[np.float64]:
    """Return by how much each number differs from the tick before (N, n); 0 in the first tick of an episode."""
    values = folder.vectors[name]
    changes = np.abs(np.diff(values, axis=0, prepend=values[:1]))
    changes[[rows.start for rows in folder.slices.values()]] = 0
    return changes


def ranges(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance of the 1% and the 99% quantile of each number (n,)."""
    if not len(values):
        return np.zeros(values.shape[1])
    finite = np.where(np.isfinite(values), values, np.nan)
    known = np.isfinite(values).any(axis=0)
    spread = np.zeros(values.shape[1])
    spread[known] = np.subtract(*np.nanquantile(finite[:, known], (0.99, 0.01), axis=0))
    return spread


def jumps(folder: DatasetFolder, name: str) -> NDArray[np.bool_]:
    """Return where a number jumps (N, n); those of few different values never do."""
    values = folder.vectors[name]
    spread = ranges(values)
    may = np.array([len(np.unique(column)) > BINARY_VALUES for column in values.T], bool) & (spread > 0)
    return (steps(folder, name) > JUMP_FRACTION * spread) & may


def longest_rest(values: NDArray[np.float64]) -> tuple[int, int]:
    """Return start and length of the longest run of ticks in which no number changes, of values (T, n)."""
    still = np.r_[False, (np.diff(values, axis=0) == 0).all(axis=1), False]
    edges = np.flatnonzero(np.diff(still.astype(np.int8)))
    begins, ends = edges[::2], edges[1::2]
    if not len(begins):
        return 0, 0
    longest = int(np.argmax(ends - begins))
    return int(begins[longest]), int(ends[longest] - begins[longest]) + 1
