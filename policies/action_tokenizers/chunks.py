"""Training chunks from a dataset's columns, without touching its videos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla.data.features import ACTION, STATE
from vla.errors import DatasetError


@dataclass(frozen=True)
class Motion:
    """What was done and felt at each frame, in dataset order."""

    actions: NDArray[np.float32]
    """(F, n)"""
    states: NDArray[np.float32]
    """(F, m)"""
    episodes: NDArray[np.int64]
    """Episode of each frame (F,)."""


def read_motion(dataset: Any) -> Motion:
    """Read actions, states and episode numbers of a dataset.

    Args:
        dataset: a ``LeRobotDataset`` (its selection of episodes is kept), a ``LeRobotDatasetMetadata``, or the folder
            of a dataset.

    Raises:
        DatasetError: there are no frames, or no actions or states.
    """
    import pyarrow.parquet as parquet

    root = Path(dataset if isinstance(dataset, str | Path) else dataset.root)
    files = sorted((root / "data").glob("**/*.parquet"))
    if not files:
        raise DatasetError(f"no frames to fit the policy on: {root / 'data'} holds no parquet file")
    tables = []
    for file in files:
        if missing := {ACTION, STATE} - set(parquet.read_schema(file).names):
            raise DatasetError(f"{file} has no column {', '.join(sorted(missing))}")
        tables.append(parquet.read_table(file, columns=[ACTION, STATE, "episode_index"]))
    actions = np.concatenate([_matrix(table[ACTION]) for table in tables])
    states = np.concatenate([_matrix(table[STATE]) for table in tables])
    episodes = np.concatenate([np.asarray(table["episode_index"]) for table in tables])
    selection = getattr(dataset, "episodes", None)  # of metadata: a table of all of them
    if isinstance(selection, Sequence):
        keep = np.isin(episodes, [int(episode) for episode in selection])
        actions, states, episodes = actions[keep], states[keep], episodes[keep]
    if len(actions) == 0:
        raise DatasetError(f"no frames to fit the policy on in {root}")
    return Motion(actions, states, episodes)


def gather_chunks(motion: Motion, chunk_size: int, max_chunks: int = 100_000) -> tuple[NDArray, NDArray]:
    """Return chunks (N, T, n) and the states (N, m) at their first steps.

    A chunk never runs into the next episode: it is completed by holding the episode's last action, as lerobot does.

    Args:
        motion: the dataset's columns.
        chunk_size: steps a chunk, ``T``.
        max_chunks: when there are more, take every second, third, ... of them.
    """
    boundaries = np.flatnonzero(np.diff(motion.episodes)) + 1
    last = np.repeat(np.r_[boundaries, len(motion.episodes)] - 1, np.diff(np.r_[0, boundaries, len(motion.episodes)]))
    starts = np.arange(0, len(motion.actions), -(-len(motion.actions) // max_chunks))
    frames = np.minimum(starts[:, None] + np.arange(chunk_size), last[starts][:, None])  # (N, T)
    return motion.actions[frames], motion.states[starts]


def _matrix(column: Any) -> NDArray[np.float32]:
    values = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.asarray(values, np.float32).reshape(len(column), -1)
