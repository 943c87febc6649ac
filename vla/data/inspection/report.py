"""The report: what a dataset says about itself, and what its numbers say."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla.data.inspection.checks import Finding, all_findings
from vla.data.inspection.folder import DatasetFolder
from vla.data.inspection.language import Language, language_of
from vla.data.inspection.motion import steps

STANDARD_EPISODE_COLUMNS = ("episode_index", "tasks", "length", "dataset_from_index", "dataset_to_index")
HISTOGRAM_BINS = 10
VALUE_BINS = 30
"""Of the histogram of a number's values."""
EXAMPLES = 3


@dataclass(frozen=True)
class Dimension:
    """One number of a vector column over all frames."""

    name: str
    min: float
    q01: float
    mean: float
    std: float
    q99: float
    max: float
    clipped: float
    """Share of the frames at the smallest or the largest value, of a number that changes."""
    resting: float
    """Share of the ticks, but each episode's first, in which the number stays as it was."""
    histogram: tuple[int, ...]
    """Frames in equal bins from ``min`` to ``max``; empty for a number that never changes."""


@dataclass(frozen=True)
class Feature:
    """One column of the dataset."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    names: tuple[str, ...]
    dimensions: tuple[Dimension, ...] = ()
    """Statistics of the finite numbers in the data itself, for columns of real numbers."""


@dataclass(frozen=True)
class TaskCount:
    """How often a task's text occurs."""

    text: str
    frames: int
    episodes: int


@dataclass(frozen=True)
class Lengths:
    """Durations of the episodes [s]."""

    min: float
    median: float
    mean: float
    max: float
    histogram: tuple[int, ...]
    """Episodes in equal bins from ``min`` to ``max``."""


@dataclass(frozen=True)
class Metadata:
    """A column of ``meta/episodes`` beyond those lerobot writes, e.g. the instruction or the seed."""

    name: str
    distinct: int
    missing: int
    examples: tuple[str, ...]
    span: tuple[float, float] | None = None
    """Smallest and largest, for numbers."""


@dataclass(frozen=True)
class Report:
    """Everything ``vla inspect`` prints."""

    root: str
    version: str
    robot: str
    fps: float
    episodes: int
    frames: int
    seconds: float
    bytes_on_disk: int
    features: tuple[Feature, ...]
    tasks: tuple[TaskCount, ...]
    lengths: Lengths | None
    metadata: tuple[Metadata, ...]
    language: Language
    findings: tuple[Finding, ...]


def inspect_folder(folder: DatasetFolder) -> Report:
    """Return the report of a dataset that ``read_folder`` has read."""
    frames = len(folder.frames.get("episode_index", ()))
    return Report(
        root=str(folder.source or folder.root),
        version=folder.version,
        robot=str(folder.info.get("robot_type") or "unknown"),
        fps=folder.fps,
        episodes=len(folder.slices),
        frames=frames,
        seconds=frames / folder.fps,
        bytes_on_disk=size_on_disk(folder.source or folder.root),
        features=tuple(_feature(folder, name) for name in folder.features),
        tasks=_tasks(folder),
        lengths=_lengths(folder),
        metadata=tuple(_metadata(name, values) for name, values in sorted(folder.episodes.items()) if _is_own(name)),
        language=language_of(folder),
        findings=tuple(all_findings(folder)),
    )


def size_on_disk(root: Path) -> int:
    """Return the size of all files under ``root`` [bytes]."""
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


def _feature(folder: DatasetFolder, name: str) -> Feature:
    declared = folder.features[name]
    values = folder.vectors.get(name)
    dimensions: tuple[Dimension, ...] = ()
    if values is not None and len(values):
        resting = _resting(folder, name)
        labelled = zip(folder.dimension_names(name), values.T, resting, strict=True)
        dimensions = tuple(
            _dimension(label, column, share) for label, column, share in labelled if np.isfinite(column).any()
        )
    names = declared.get("names") or ()
    groups = names.values() if isinstance(names, dict) else [names]
    names = tuple(str(entry) for group in groups for entry in (group if isinstance(group, list | tuple) else [group]))
    return Feature(name, str(declared.get("dtype")), tuple(declared.get("shape", ())), names, dimensions)


def _dimension(name: str, values: NDArray[np.float64], resting: float) -> Dimension:
    finite = values[np.isfinite(values)]
    low, high = float(finite.min()), float(finite.max())
    q01, q99 = np.quantile(finite, (0.01, 0.99))
    changes = high > low
    return Dimension(
        name,
        low,
        float(q01),
        float(finite.mean()),
        float(finite.std()),
        float(q99),
        high,
        clipped=float(((finite == low) | (finite == high)).mean()) if changes else 0.0,
        resting=resting,
        histogram=tuple(np.histogram(finite, VALUE_BINS)[0].tolist()) if changes else (),
    )


def _resting(folder: DatasetFolder, name: str) -> list[float]:
    """Return for each number the share of ticks in which it does not change."""
    counted = np.ones(len(folder.vectors[name]), bool)
    counted[[rows.start for rows in folder.slices.values()]] = False
    if not counted.any():
        return [0.0] * folder.vectors[name].shape[1]
    return (steps(folder, name)[counted] == 0).mean(axis=0).tolist()


def _tasks(folder: DatasetFolder) -> tuple[TaskCount, ...]:
    index = folder.frames.get("task_index", np.zeros(0, np.int64)).reshape(-1)
    frames = Counter(index.tolist())
    episodes: Counter[int] = Counter()
    for rows in folder.slices.values():
        episodes.update(set(index[rows].tolist()))
    order = sorted({*frames, *folder.tasks}, key=lambda task: (-frames[task], task))
    return tuple(TaskCount(folder.tasks.get(task, f"<task {task}>"), frames[task], episodes[task]) for task in order)


def _lengths(folder: DatasetFolder) -> Lengths | None:
    seconds = np.array([rows.stop - rows.start for rows in folder.slices.values()]) / folder.fps
    if not len(seconds):
        return None
    counts, _ = np.histogram(seconds, HISTOGRAM_BINS)
    return Lengths(
        float(seconds.min()),
        float(np.median(seconds)),
        float(seconds.mean()),
        float(seconds.max()),
        tuple(int(count) for count in counts),
    )


def _is_own(column: str) -> bool:
    return "/" not in column and column not in STANDARD_EPISODE_COLUMNS


def _metadata(name: str, values: list[Any]) -> Metadata:
    present = [value for value in values if value is not None]
    texts = list(dict.fromkeys(str(value) for value in present))
    numbers = [value for value in present if isinstance(value, int | float) and not isinstance(value, bool)]
    return Metadata(
        name=name,
        distinct=len(texts),
        missing=len(values) - len(present),
        examples=tuple(texts[:EXAMPLES]),
        span=(float(min(numbers)), float(max(numbers))) if numbers and len(numbers) == len(present) else None,
    )
