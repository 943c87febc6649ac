"""Episodes unlike the others, and those whose actions or frames look wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vla.data.features import ACTION, STATE
from vla.data.inspection.folder import DatasetFolder
from vla.data.inspection.motion import jumps, longest_rest, ranges, steps
from vla.data.inspection.strips import Strip, moments_of

Kind = Literal["dark", "frozen", "jump", "still", "length"]
KINDS: tuple[Kind, ...] = ("dark", "frozen", "jump", "still", "length")
"""In the order in which they are shown."""

UNUSUAL = 3.5
"""A length this many robust deviations from the median is unusual."""
TIMES = 1.5
"""A length within this factor of the median is not unusual."""
STILL_PART = 0.5
"""An action that rests for more than this part of an episode is constant."""
STILL_SECONDS = 1.0
"""An action that rests for less is not constant [s]."""
DARK = 16.0
"""Mean of a dark frame, of 255."""
FROZEN = 0.05
"""Frames that differ by less, on average over pixels and of 255, are the same."""
MOVED = 0.1
"""The arm has moved when a number of the state, or of the action, changed by this part of its range."""


@dataclass(frozen=True)
class Outlier:
    """Why an episode is worth a look."""

    episode: int
    kind: Kind
    text: str


def find_outliers(folder: DatasetFolder, strips: Iterable[Strip]) -> list[Outlier]:
    """Return the outliers of a dataset, by kind and episode.

    Args:
        folder: of the dataset; lengths and actions of all its episodes are compared.
        strips: of the episodes whose frames are looked at.
    """
    found = [*_lengths(folder), *_jumps(folder), *_still(folder)]
    for strip in strips:
        found += [*_dark(strip), *_frozen(folder, strip)]
    return sorted(found, key=lambda outlier: (KINDS.index(outlier.kind), outlier.episode))


def _lengths(folder: DatasetFolder) -> Iterator[Outlier]:
    seconds = {episode: (rows.stop - rows.start) / folder.fps for episode, rows in folder.slices.items()}
    if not seconds:
        return
    logs = np.log(list(seconds.values()))
    median = float(np.median(logs))
    deviation = 1.4826 * float(np.median(np.abs(logs - median)))
    allowed = max(UNUSUAL * deviation, float(np.log(TIMES)))
    for episode, length in seconds.items():
        if abs(np.log(length) - median) > allowed:
            yield Outlier(episode, "length", f"{length:.1f} s long; the median is {np.exp(median):.1f} s")


def _jumps(folder: DatasetFolder) -> Iterator[Outlier]:
    if ACTION not in folder.vectors:
        return
    where, sizes = jumps(folder, ACTION), steps(folder, ACTION)
    labels = folder.dimension_names(ACTION)
    for episode, rows in folder.slices.items():
        if count := int(where[rows].sum()):
            tick, column = np.unravel_index(np.argmax(np.where(where[rows], sizes[rows], 0)), where[rows].shape)
            size = sizes[rows][tick, column]
            times = f"{count} times; most" if count > 1 else "once,"
            yield Outlier(
                episode,
                "jump",
                f"action jumps {times} at {tick / folder.fps:.1f} s, {labels[int(column)]} by {size:.4g}",
            )


def _still(folder: DatasetFolder) -> Iterator[Outlier]:
    if ACTION not in folder.vectors:
        return
    for episode, rows in folder.slices.items():
        start, ticks = longest_rest(folder.vectors[ACTION][rows])
        length = rows.stop - rows.start
        if ticks > STILL_PART * length and ticks >= STILL_SECONDS * folder.fps:
            yield Outlier(
                episode,
                "still",
                f"action is constant for {ticks / folder.fps:.1f} of {length / folder.fps:.1f} s, "
                f"from {start / folder.fps:.1f} s on",
            )


def _dark(strip: Strip) -> Iterator[Outlier]:
    for camera, frames in strip.frames.items():
        seen = [float(frame.mean()) for frame in frames if frame is not None]
        if dark := [mean for mean in seen if mean < DARK]:
            text = f"{camera} is dark in {len(dark)} of {len(seen)} frames looked at"
            yield Outlier(strip.episode, "dark", text)


def _frozen(folder: DatasetFolder, strip: Strip) -> Iterator[Outlier]:
    moments = moments_of(folder, strip.episode)
    for camera, frames in strip.frames.items():
        pairs = [
            (int(before), int(after))
            for before, after, one, other in zip(moments, moments[1:], frames, frames[1:], strict=False)
            if one is not None and other is not None and _same(one, other) and _moved(folder, strip, before, after)
        ]
        if pairs:
            begin, end = pairs[0][0], next(end for index, (_, end) in enumerate(pairs) if _ends_run(pairs, index))
            text = f"{camera} shows the same frame at {begin / folder.fps:.1f} s and {end / folder.fps:.1f} s"
            yield Outlier(strip.episode, "frozen", f"{text}, while the arm moves")


def _ends_run(pairs: list[tuple[int, int]], index: int) -> bool:
    return index + 1 == len(pairs) or pairs[index + 1][0] != pairs[index][1]


def _same(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    if one.shape != other.shape:
        return False
    return float(np.abs(one.astype(np.int16) - other).mean()) < FROZEN


def _moved(folder: DatasetFolder, strip: Strip, before: int, after: int) -> bool:
    name = next((name for name in (STATE, ACTION) if name in folder.vectors), None)
    if name is None:
        return False
    values = folder.vectors[name]
    start = folder.slices[strip.episode].start
    part = values[start + before : start + after + 1]
    return bool((np.ptp(part, axis=0) > MOVED * np.maximum(ranges(values), 1e-9)).any())
