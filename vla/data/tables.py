"""The tables of a LeRobot dataset as plain values and arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vla.data.features import INSTRUCTION
from vla.errors import DatasetError

if TYPE_CHECKING:
    from lerobot.datasets.dataset_metadata import LeRobotDatasetMetadata
    from lerobot.datasets.lerobot_dataset import LeRobotDataset


def episode_table(meta: LeRobotDatasetMetadata) -> list[dict[str, Any]]:
    """Return the rows of ``meta/episodes``, without statistics."""
    meta.ensure_readable()
    assert meta.episodes is not None
    return meta.episodes.to_list()


def episode_rows(meta: LeRobotDatasetMetadata) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first row of each episode, and the row after its last one."""
    table = episode_table(meta)
    return np.array([row["dataset_from_index"] for row in table]), np.array([row["dataset_to_index"] for row in table])


def task_texts(meta: LeRobotDatasetMetadata) -> list[str]:
    """Return the task texts in the order of ``task_index``."""
    return [] if meta.tasks is None else [str(text) for text in meta.tasks.sort_values("task_index").index]


def instructions(meta: LeRobotDatasetMetadata) -> list[str]:
    """Return what the user asked for in each episode.

    Raises:
        DatasetError: the dataset does not tell.
    """
    texts = [row.get(INSTRUCTION) for row in episode_table(meta)]
    if None in texts:
        raise DatasetError(
            f"dataset {meta.root} has no column {INSTRUCTION!r} in meta/episodes; text=subgoal trains on its tasks"
        )
    return [str(text) for text in texts]


def table_columns(dataset: LeRobotDataset) -> Mapping[str, NDArray]:
    """Return every numeric column in memory, rows in dataset order, in the types lerobot hands out.

    Shapes: (N,) for scalars, (N, *shape) otherwise; float32, int64 or bool.
    """
    table = dataset.hf_dataset.data
    columns = {}
    for key, feature in dataset.meta.features.items():
        if feature["dtype"] in ("video", "image", "string", "language"):
            continue
        array = table.column(key).combine_chunks()
        while hasattr(array, "flatten") and hasattr(array.type, "value_type"):
            array = array.flatten()
        values = array.to_numpy(zero_copy_only=False)
        kind = {"f": np.float32, "i": np.int64, "u": np.int64, "b": np.bool_}[values.dtype.kind]
        shape = () if tuple(feature["shape"]) == (1,) else tuple(feature["shape"])
        columns[key] = np.ascontiguousarray(values.astype(kind)).reshape(-1, *shape)
    return columns
