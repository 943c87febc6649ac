"""Strips: small frames of an episode at a few moments, evenly spaced from its first to its last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vla.data.inspection.folder import DatasetFolder
from vla.data.inspection.videos import read_frames

MOMENTS = 6
WIDTH = 160
"""Largest width of a frame [px]."""


@dataclass(frozen=True)
class Strip:
    """What an episode looks like."""

    episode: int
    seconds: float
    """Length of the episode [s]."""
    frames: Mapping[str, tuple[NDArray[np.uint8] | None, ...]]
    """Camera -> a frame (h, w, 3) for each moment; None where it cannot be read."""

    @property
    def seen(self) -> bool:
        """Whether there is any frame."""
        return any(frame is not None for frames in self.frames.values() for frame in frames)


def spread(folder: DatasetFolder, count: int) -> list[int]:
    """Return at most ``count`` episodes, evenly spaced."""
    episodes = list(folder.slices)
    chosen = np.linspace(0, len(episodes) - 1, min(count, len(episodes))).round().astype(int)
    return [episodes[index] for index in np.unique(chosen)]


def read_strip(folder: DatasetFolder, episode: int) -> Strip:
    """Return the strip of an episode; one that is not in ``meta/episodes`` has no frames."""
    rows = folder.slices[episode]
    length = rows.stop - rows.start
    row = folder.episode_rows.get(episode)
    moments = moments_of(folder, episode)
    frames = {
        camera: (None,) * len(moments)
        if row is None
        else tuple(_small(frame) for frame in read_frames(folder, camera, row, moments.tolist()))
        for camera in folder.cameras
    }
    return Strip(episode, length / folder.fps, frames)


def moments_of(folder: DatasetFolder, episode: int) -> NDArray[np.int64]:
    """Return the frames of the episode that a strip shows, counted from its first (k,)."""
    rows = folder.slices[episode]
    length = rows.stop - rows.start
    return np.unique(np.linspace(0, length - 1, min(MOMENTS, length)).round().astype(np.int64))


def _small(frame: NDArray[np.uint8] | None) -> NDArray[np.uint8] | None:
    if frame is None or frame.shape[1] <= WIDTH:
        return frame
    height = max(1, round(frame.shape[0] * WIDTH / frame.shape[1]))
    return np.asarray(cv2.resize(frame, (WIDTH, height), interpolation=cv2.INTER_AREA), np.uint8)
