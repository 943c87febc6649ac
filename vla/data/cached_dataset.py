"""A dataset that yields lerobot's batches from the frame cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from vla.data.features import ACTION
from vla.data.frame_store import FrameStore
from vla.data.tables import episode_rows, instructions, table_columns, task_texts

if TYPE_CHECKING:
    from lerobot.datasets.lerobot_dataset import LeRobotDataset


class CachedDataset(Dataset):
    """Same items as ``LeRobotDataset(..., return_uint8=True)``, a whole batch at a time, without decoding.

    PyTorch asks ``__getitems__`` for a batch: use ``DataLoader(..., collate_fn=CachedDataset.collate)``.

    Args:
        dataset: a complete dataset (no episode selection, no image transforms).
        frames: camera key -> frames (N, C, H, W), see ``frame_cache.open_frames``.
        delta_timestamps: column -> offsets from the current frame [s], as lerobot's ``resolve_delta_timestamps`` gives.
        instructed: each frame's ``task`` is its episode's whole instruction, not its subgoal.
        end_chunks_with_task: pad action chunks where the episode's task (our subgoal) changes, as if it ended there;
            otherwise they end with the episode, as lerobot's do.
    """

    def __init__(
        self,
        dataset: LeRobotDataset,
        frames: Mapping[str, FrameStore],
        delta_timestamps: Mapping[str, Sequence[float]] | None = None,
        *,
        instructed: bool = False,
        end_chunks_with_task: bool = False,
    ) -> None:
        self.frames = dict(frames)
        self.columns = dict(table_columns(dataset))
        episodes = self.columns["episode_index"]
        self.texts, self.text_index = (
            (instructions(dataset.meta), episodes)
            if instructed
            else (task_texts(dataset.meta), self.columns["task_index"])
        )
        first, end = episode_rows(dataset.meta)
        self.first_row, self.end_row = first[episodes], end[episodes]  # (N,), of each frame's episode
        self.chunk_end_row = (
            _task_end(self.columns["task_index"], self.end_row) if end_chunks_with_task else self.end_row
        )
        self.offsets = {
            key: np.array([round(delta * dataset.fps) for delta in deltas])
            for key, deltas in (delta_timestamps or {}).items()
        }

    def __len__(self) -> int:
        return len(self.first_row)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {key: value[0] for key, value in self.__getitems__([index]).items()}

    def __getitems__(self, indices: Sequence[int]) -> dict[str, Any]:
        """Return the batch of frames ``indices`` (B): images uint8 (B, C, H, W), chunks (B, T, n) with ``_is_pad``."""
        rows = np.asarray(indices)  # (B,)
        batch: dict[str, Any] = {}
        for key, values in {**self.frames, **self.columns}.items():
            if key in self.offsets:
                wanted = rows[:, None] + self.offsets[key]  # (B, T)
                end = self.chunk_end_row if key == ACTION else self.end_row
                first, last = self.first_row[rows, None], end[rows, None] - 1
                batch[key] = torch.from_numpy(values[np.clip(wanted, first, last)])
                batch[f"{key}_is_pad"] = torch.from_numpy((wanted < first) | (wanted > last))
            else:
                batch[key] = torch.from_numpy(values[rows])
        batch["task"] = [self.texts[index] for index in self.text_index[rows]]
        return batch

    @staticmethod
    def collate(batch: dict[str, Any]) -> dict[str, Any]:
        """Pass on the batch that ``__getitems__`` made."""
        return batch


def _task_end(task_index: NDArray[np.int64], end_row: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each frame the first row after it that has another task or another episode (N,)."""
    rows = np.arange(len(task_index))
    changes = np.flatnonzero((np.diff(task_index) != 0) | (np.diff(end_row) != 0)) + 1
    return np.append(changes, len(rows))[np.searchsorted(changes, rows, side="right")]
