"""Finished episodes on disk, one file each, as the workers of a collection leave them.

A shard holds the encoded videos, so that encoding is spread over the workers and joining a dataset only copies bytes.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vla.data import video
from vla.errors import DatasetError

Stats = dict[str, NDArray[np.float64]]

STATS_FRAMES = 32
"""Frames of an episode that image statistics are taken from."""
STATS_STRIDE = 4
"""Image statistics use every so many pixels in each direction."""


@dataclass(frozen=True)
class EpisodeInfo:
    """What is known of an episode as a whole; kept in the dataset's ``meta/episodes``."""

    instruction: str
    """The user's words."""
    seed: int
    suite: str = ""
    suite_task: str = ""
    """Name of the suite's task; the dataset's ``task`` is the subgoal text of each frame."""
    success: bool = True


@dataclass(frozen=True)
class Episode:
    """One episode in memory: T frames at control rate."""

    info: EpisodeInfo
    images: Mapping[str, NDArray[np.uint8]]
    """Camera -> RGB frames (T, H, W, 3)."""
    state: NDArray[np.float32]
    """(T, n), lerobot units."""
    goal: NDArray[np.float32]
    """(T, 5), see ``vla.types.goal_vector``."""
    action: NDArray[np.float32]
    """(T, n), lerobot units."""
    subgoals: Sequence[str]
    """Text of the subgoal pursued in each frame, T entries."""
    subgoal_index: NDArray[np.int64]
    """(T,), counts the subgoals of the episode from 0."""

    def __post_init__(self) -> None:
        lengths = {
            "state": len(self.state),
            "goal": len(self.goal),
            "action": len(self.action),
            "subgoals": len(self.subgoals),
            "subgoal_index": len(self.subgoal_index),
            **{f"images[{camera!r}]": len(frames) for camera, frames in self.images.items()},
        }
        if len(set(lengths.values())) != 1 or not len(self.state):
            raise DatasetError(f"an episode needs the same number (at least 1) of every column, got {lengths}")


@dataclass(frozen=True)
class EpisodeShard:
    """One episode as stored: like ``Episode``, with each camera's frames as an MP4 and their statistics."""

    info: EpisodeInfo
    videos: Mapping[str, bytes]
    image_stats: Mapping[str, Stats]
    state: NDArray[np.float32]
    goal: NDArray[np.float32]
    action: NDArray[np.float32]
    subgoals: tuple[str, ...]
    subgoal_index: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.state)


def save_shard(path: Path, episode: Episode, fps: int) -> None:
    """Encode the episode and write it to ``path`` (.npz), all or nothing."""
    encoder = video.encoder_config()
    texts = list(dict.fromkeys(episode.subgoals))
    header = {"info": asdict(episode.info), "texts": texts, "cameras": list(episode.images), "fps": fps}
    arrays: dict[str, NDArray] = {
        "header": np.frombuffer(json.dumps(header).encode(), np.uint8),
        "state": np.asarray(episode.state, np.float32),
        "goal": np.asarray(episode.goal, np.float32),
        "action": np.asarray(episode.action, np.float32),
        "text_index": np.array([texts.index(text) for text in episode.subgoals], np.int64),
        "subgoal_index": np.asarray(episode.subgoal_index, np.int64),
    }
    for camera, frames in episode.images.items():
        arrays[f"video.{camera}"] = np.frombuffer(video.encode_video(frames, fps, encoder), np.uint8)
        for name, value in image_stats(frames).items():
            arrays[f"stats.{camera}.{name}"] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    temporary.replace(path)


def load_shard(path: Path) -> EpisodeShard:
    """Read a shard that ``save_shard`` wrote.

    Raises:
        DatasetError: the file is damaged.
    """
    try:
        with np.load(path) as arrays:
            header = json.loads(arrays["header"].tobytes())
            return EpisodeShard(
                info=EpisodeInfo(**header["info"]),
                videos={camera: arrays[f"video.{camera}"].tobytes() for camera in header["cameras"]},
                image_stats={
                    camera: {
                        key.removeprefix(f"stats.{camera}."): arrays[key]
                        for key in arrays.files
                        if key.startswith(f"stats.{camera}.")
                    }
                    for camera in header["cameras"]
                },
                state=arrays["state"],
                goal=arrays["goal"],
                action=arrays["action"],
                subgoals=tuple(header["texts"][index] for index in arrays["text_index"]),
                subgoal_index=arrays["subgoal_index"],
            )
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DatasetError(f"episode shard {path} cannot be read ({error}); delete it to record it again") from error


def image_stats(frames: NDArray[np.uint8]) -> Stats:
    """Return lerobot's statistics of frames (T, H, W, 3): each (3, 1, 1) in [0, 1], and ``count``, from a sample."""
    from lerobot.datasets.compute_stats import get_feature_stats

    chosen = np.linspace(0, len(frames) - 1, min(STATS_FRAMES, len(frames))).round().astype(int)
    sample = frames[chosen, ::STATS_STRIDE, ::STATS_STRIDE].transpose(0, 3, 1, 2)  # (k, 3, h, w)
    stats = get_feature_stats(sample, axis=(0, 2, 3), keepdims=True)
    return {name: value if name == "count" else np.squeeze(value / 255.0, axis=0) for name, value in stats.items()}
