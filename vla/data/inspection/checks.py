"""What looks wrong in a dataset: each check yields findings, and ``all_findings`` runs them in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vla.data.features import ACTION, STATE
from vla.data.inspection.folder import DatasetFolder
from vla.data.inspection.motion import JUMP_FRACTION, jumps, steps
from vla.data.inspection.videos import check_videos

Severity = Literal["error", "warning", "note"]

TIMESTAMP_TOLERANCE = 1e-3
"""[s]"""
SHORT_EPISODE = 1.0
"""[s]"""
STATISTICS_TOLERANCE = 0.02
"""Largest difference between stored and computed statistics, as part of a dimension's range."""
SAME = 0.99
"""Part of the frames from which on two columns count as equal."""
SHOWN = 5
"""How many episodes or dimensions a finding lists."""


@dataclass(frozen=True)
class Finding:
    """Something suspicious."""

    severity: Severity
    """``error``: the dataset cannot be used as it is; ``warning``: likely a mistake; ``note``: worth knowing."""
    text: str


def all_findings(folder: DatasetFolder) -> list[Finding]:
    """Run every check; the most severe findings come first."""
    findings = [finding for check in CHECKS for finding in check(folder)]
    order = ("error", "warning", "note")
    return sorted(findings, key=lambda finding: order.index(finding.severity))


def check_files(folder: DatasetFolder) -> Iterator[Finding]:
    """Files and columns that could not be read."""
    for problem in folder.problems:
        yield Finding("error", problem)


def check_video_files(folder: DatasetFolder) -> Iterator[Finding]:
    """Videos that are missing, unreadable, or not what the features say."""
    for severity, text in check_videos(folder):
        yield Finding(severity, text)


def check_counts(folder: DatasetFolder) -> Iterator[Finding]:
    """Totals of ``meta/info.json`` against the data, and the data against ``meta/episodes``."""
    frames = len(folder.frames.get("episode_index", ()))
    counted = {"total_frames": frames, "total_episodes": len(folder.slices), "total_tasks": len(folder.tasks)}
    for key, count in counted.items():
        if key in folder.info and folder.info[key] != count:
            yield Finding("error", f"meta/info.json says {key} = {folder.info[key]}, the files hold {count}")
    if not folder.episodes:
        return
    listed = [int(index) for index in folder.episodes.get("episode_index", []) if index is not None]
    lengths = folder.episodes.get("length", [])
    if without_data := sorted(set(listed) - set(folder.slices)):
        yield Finding("error", f"episodes {_few(without_data)} of meta/episodes have no frames")
    if unlisted := sorted(set(folder.slices) - set(listed)):
        yield Finding("error", f"episodes {_few(unlisted)} are not in meta/episodes")
    wrong = [
        index
        for index, length in zip(listed, lengths, strict=False)
        if index in folder.slices and length != folder.slices[index].stop - folder.slices[index].start
    ]
    if wrong:
        yield Finding("error", f"length of episodes {_few(wrong)} in meta/episodes is not their number of frames")


def check_indices(folder: DatasetFolder) -> Iterator[Finding]:
    """Gaps in the indices that lerobot relies on."""
    episodes = list(folder.slices)
    if episodes != list(range(len(episodes))):
        gaps = sorted(set(range(max(episodes) + 1)) - set(episodes))
        what = f"numbers {_few(gaps)} are missing" if gaps else "they are not in order"
        yield Finding("warning", f"episode indices do not run from 0 to {len(episodes) - 1}: {what}")
    index = folder.frames.get("index", np.zeros(0)).reshape(-1)
    if len(index) and not np.array_equal(index, np.arange(len(index))):
        yield Finding("error", f"column 'index' does not run from 0 to {len(index) - 1}")
    frame_index = folder.frames.get("frame_index")
    if frame_index is not None:
        bad = [
            episode
            for episode, rows in folder.slices.items()
            if not np.array_equal(frame_index[rows].reshape(-1), np.arange(rows.stop - rows.start))
        ]
        if bad:
            yield Finding("error", f"frame_index does not count from 0 in episodes {_few(bad)}")


def check_timestamps(folder: DatasetFolder) -> Iterator[Finding]:
    """Time stamps that do not follow the fps."""
    timestamp = folder.frames.get("timestamp")
    if timestamp is None:
        return
    bad, rates = [], []
    for episode, rows in folder.slices.items():
        times = timestamp[rows].reshape(-1).astype(np.float64)
        expected = np.arange(len(times)) / folder.fps
        if not np.abs(times - expected).max() <= TIMESTAMP_TOLERANCE:
            bad.append(episode)
            rates += [(len(times) - 1) / (times[-1] - times[0])] if len(times) > 1 and times[-1] > times[0] else []
    if bad:
        rate = f"; they run at {np.median(rates):.4g} fps" if rates else ""
        yield Finding(
            "error", f"time stamps are off the {folder.fps:g} fps of the dataset in episodes {_few(bad)}{rate}"
        )


def check_lengths(folder: DatasetFolder) -> Iterator[Finding]:
    """Episodes too short to hold a demonstration."""
    short = [episode for episode, rows in folder.slices.items() if rows.stop - rows.start < SHORT_EPISODE * folder.fps]
    if short:
        yield Finding("warning", f"{len(short)} episodes are shorter than {SHORT_EPISODE:g} s: {_few(short)}")


def check_numbers(folder: DatasetFolder) -> Iterator[Finding]:
    """NaN, infinity, constant dimensions, and shapes other than declared."""
    for name, values in folder.vectors.items():
        bad = np.logical_not(np.isfinite(values).all(axis=1))
        if bad.any():
            where = _few(_episodes_of(folder, np.asarray(bad)))
            yield Finding("error", f"{name} is NaN or infinite in {int(bad.sum())} frames (episodes {where})")
        declared = int(np.prod(folder.features.get(name, {}).get("shape", values.shape[1:])))
        if declared != values.shape[1]:
            yield Finding("error", f"{name} holds {values.shape[1]} numbers a frame, the features say {declared}")
        constant = [label for label, column in zip(folder.dimension_names(name), values.T, strict=True)
                    if len(column) > 1 and np.ptp(column) == 0]  # fmt: skip
        if constant:
            severity = "warning" if name in (STATE, ACTION) else "note"
            yield Finding(severity, f"{name} never changes in {_few(constant)}")


def check_motion(folder: DatasetFolder) -> Iterator[Finding]:
    """Actions that repeat the state, jumps, and episodes in which nothing or the same thing happens."""
    vectors = {name: folder.vectors[name] for name in (STATE, ACTION) if name in folder.vectors}
    state, action = vectors.get(STATE), vectors.get(ACTION)
    if state is not None and action is not None and state.shape == action.shape and len(state) > 1:
        if (state == action).all(axis=1).mean() >= SAME:
            yield Finding("warning", "actions equal the states of the same frame: nothing to learn from")
        elif (action[:-1] == state[1:]).all(axis=1).mean() >= SAME:
            yield Finding("note", "actions are the states of the next frame, not what the arm was told")
    for name, values in vectors.items():
        yield from _jumps(folder, name)
        still = [
            episode
            for episode, rows in folder.slices.items()
            if rows.stop - rows.start > 1 and (np.ptp(values[rows], axis=0) == 0).all()
        ]
        if still:
            yield Finding("warning", f"{name} does not change at all in episodes {_few(still)}")
    if action is not None:
        first_with: dict[bytes, int] = {}
        copies = []
        for episode, rows in folder.slices.items():
            original = first_with.setdefault(action[rows].tobytes(), episode)
            copies += [f"{episode} of {original}"] if original != episode else []
        if copies:
            yield Finding("warning", f"episodes with the very same actions: {_few(copies)}")


def check_tasks(folder: DatasetFolder) -> Iterator[Finding]:
    """Tasks without frames, frames without a task, and texts that are empty or nearly the same."""
    index = folder.frames.get("task_index")
    if index is None:
        return
    used = set(np.unique(index).tolist())
    if unused := [folder.tasks[task] for task in folder.tasks if task not in used]:
        yield Finding("warning", f"{len(unused)} tasks have no frames: {_few([repr(text) for text in unused])}")
    if unknown := sorted(used - set(folder.tasks)):
        yield Finding("error", f"task_index {_few(unknown)} has no text in meta/tasks.parquet")
    if any(not text.strip() for text in folder.tasks.values()):
        yield Finding("warning", "a task's text is empty")
    normal: dict[str, list[str]] = {}
    for text in folder.tasks.values():
        normal.setdefault(" ".join(text.lower().split()).rstrip("."), []).append(text)
    for texts in normal.values():
        if len(texts) > 1:
            yield Finding("note", f"task texts differ only in spelling: {_few([repr(text) for text in texts])}")


def check_statistics(folder: DatasetFolder) -> Iterator[Finding]:
    """``meta/stats.json`` against the data; policies are normalised by it."""
    if folder.stats is None:
        return
    for name, values in folder.vectors.items():
        stored = folder.stats.get(name)
        if stored is None:
            yield Finding("warning", f"meta/stats.json has no {name}")
            continue
        if not len(values) or not np.isfinite(values).all():
            continue
        computed = {"min": values.min(0), "max": values.max(0), "mean": values.mean(0), "std": values.std(0)}
        scale = np.maximum(np.ptp(values, axis=0), 1e-6)
        for key, expected in computed.items():
            found = np.asarray(stored.get(key, np.nan), np.float64).reshape(-1)
            if found.shape != expected.shape:
                yield Finding(
                    "error", f"meta/stats.json: {key} of {name} has {found.size} numbers, not {expected.size}"
                )
            elif not (np.abs(found - expected) <= STATISTICS_TOLERANCE * scale).all():
                worst = int(np.argmax(np.nan_to_num(np.abs(found - expected) / scale, nan=np.inf)))
                yield Finding(
                    "warning",
                    f"meta/stats.json disagrees with the data: {key} of {name} "
                    f"{folder.dimension_names(name)[worst]} is {expected[worst]:.4g}, not {found[worst]:.4g}",
                )
    for camera in folder.cameras:
        std = np.asarray(folder.stats.get(camera, {}).get("std", np.nan), np.float64)
        if (std == 0).any():
            yield Finding("warning", f"meta/stats.json says that {camera} has standard deviation 0")


def _jumps(folder: DatasetFolder, name: str) -> Iterator[Finding]:
    where, sizes = jumps(folder, name), steps(folder, name)
    for column, label in enumerate(folder.dimension_names(name)):
        if where[:, column].any():
            row = int(np.nanargmax(sizes[:, column]))
            episode = _episodes_of(folder, np.arange(len(sizes)) == row)[0]
            yield Finding(
                "warning",
                f"{name} {label} jumps by more than {JUMP_FRACTION:.0%} of its range in one tick, "
                f"{int(where[:, column].sum())} times; the largest, {sizes[row, column]:.4g}, in episode {episode} "
                f"at frame {row - folder.slices[episode].start}",
            )


def _episodes_of(folder: DatasetFolder, rows: NDArray) -> list[int]:
    return [episode for episode, part in folder.slices.items() if rows[part].any()]


def _few(values: Iterable[object]) -> str:
    listed = [str(value) for value in values]
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return ", ".join(listed[:SHOWN]) + more


CHECKS: tuple[Callable[[DatasetFolder], Iterator[Finding]], ...] = (
    check_files,
    check_video_files,
    check_counts,
    check_indices,
    check_timestamps,
    check_lengths,
    check_numbers,
    check_motion,
    check_tasks,
    check_statistics,
)
