"""Decode a dataset's frames once into a store with fast access to any of them, so that training never decodes video.

A camera's frames are stored in ``<cache folder>/<fingerprint of the dataset>/<camera key>``, see ``frame_store``, in
the order of the dataset's ``index`` column. The fingerprint changes with the dataset, so a cache is never stale.
"""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import psutil

from vla.data.fingerprint import folder_fingerprint
from vla.data.frame_store import FrameStore, FrameStoreWriter
from vla.data.installed import cache_folder
from vla.data.tables import episode_table
from vla.errors import DatasetError

if TYPE_CHECKING:
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

logger = logging.getLogger(__name__)

COMPRESSED_SIZE = 0.4
"""Of the raw size, with noise as in frames of real cameras; rendered ones take half of that."""
TIME_TOLERANCE = 1e-3
"""A video frame this close to an episode's frame time belongs to it [s]."""


@dataclass(frozen=True)
class Segment:
    """Consecutive frames of the dataset and where one camera's video file holds them."""

    first_row: int
    length: int
    start_time: float
    """[s]"""


def fingerprint(root: Path) -> str:
    """Return a short hash of a dataset folder: its metadata, and the names and sizes of its data and videos."""
    return folder_fingerprint(root, (root / "meta/info.json").read_bytes(), "meta/episodes/**/*.parquet")


def image_shape(shape: Sequence[int]) -> tuple[int, int, int]:
    """Return (C, H, W) of a camera's declared shape, whose channels come last or first.

    Raises:
        DatasetError: these are no frames of three colours.
    """
    if len(shape) == 3 and shape[2] == 3:
        return 3, shape[0], shape[1]
    if len(shape) == 3 and shape[0] == 3:
        return 3, shape[1], shape[2]
    raise DatasetError(f"frames of shape {tuple(shape)} are not of three colours, (H, W, 3) or (3, H, W)")


def open_frames(
    dataset: LeRobotDataset,
    folder: Path | None = None,
    *,
    workers: int = 2,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, FrameStore]:
    """Return camera key -> frames (N, 3, H, W), decoding whatever is not cached yet.

    An interrupted build resumes at the video files it had not finished.

    Args:
        dataset: a complete dataset (no episode selection), with videos or images.
        folder: where caches live; None for the user's cache.
        workers: decoding threads.
        progress: called with (frames decoded, frames to decode) over all cameras.

    Raises:
        DatasetError: a video lacks frames, or the disk is too small for the cache.
    """
    home = (folder or cache_folder("frames")) / fingerprint(Path(dataset.root))
    home.mkdir(parents=True, exist_ok=True)
    missing = [key for key in dataset.meta.camera_keys if not (home / key).exists()]
    _check_space(dataset, home, missing)
    done, total = 0, len(missing) * dataset.meta.total_frames
    for key in missing:
        for frames in _build(dataset, key, home, workers):
            done += frames
            progress(done, total)
    opened = {key: FrameStore(home / key) for key in dataset.meta.camera_keys}
    _warn_if_larger_than_memory(sum(frames.nbytes for frames in opened.values()))
    return opened


def _build(dataset: LeRobotDataset, key: str, home: Path, workers: int) -> Iterator[int]:
    """Fill one camera's store; yields the number of frames after each finished piece."""
    channels, height, width = image_shape(dataset.meta.features[key]["shape"])
    partial, journal = home / f"{key}.partial", home / f"{key}.done"
    finished = set(journal.read_text().splitlines()) if partial.exists() and journal.exists() else set()
    if not finished:
        shutil.rmtree(partial, ignore_errors=True)
        journal.write_text("")
    frames = FrameStoreWriter(partial, (dataset.meta.total_frames, channels, height, width))
    if key in dataset.meta.image_keys:
        yield from _copy_images(dataset, key, frames)
    else:
        files = _video_files(dataset, key)
        yield sum(segment.length for name in finished & files.keys() for segment in files[name])
        with ThreadPoolExecutor(workers) as pool:
            jobs = {
                pool.submit(_decode_file, Path(dataset.root) / name, segments, dataset.fps, frames): name
                for name, segments in files.items()
                if name not in finished
            }
            try:
                for job in as_completed(jobs):
                    yield job.result()
                    frames.flush()
                    with journal.open("a") as file:
                        file.write(f"{jobs[job]}\n")
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    frames.close()
    partial.replace(home / key)
    journal.unlink()


def _video_files(dataset: LeRobotDataset, key: str) -> dict[str, list[Segment]]:
    """Return video file (relative to the root) -> the segments it holds, in the order of time."""
    files: dict[str, list[Segment]] = {}
    for index, episode in enumerate(episode_table(dataset.meta)):
        name = str(dataset.meta.get_video_file_path(index, key))
        segment = Segment(episode["dataset_from_index"], episode["length"], episode[f"videos/{key}/from_timestamp"])
        files.setdefault(name, []).append(segment)
    return {name: sorted(segments, key=lambda segment: segment.start_time) for name, segments in files.items()}


def _decode_file(path: Path, segments: list[Segment], fps: int, frames: FrameStoreWriter) -> int:
    """Decode one video file into the rows of its segments, given in the order of time; return the number of rows."""
    wanted = [
        (segment.start_time + offset / fps, segment.first_row + offset)
        for segment in segments
        for offset in range(segment.length)
    ]
    filled = 0
    try:
        with av.open(str(path), "r") as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            for frame in container.decode(stream):
                if filled == len(wanted):
                    break
                expected, row = wanted[filled]
                if frame.time is not None and abs(frame.time - expected) <= TIME_TOLERANCE:
                    frames[row] = frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False).transpose(2, 0, 1)
                    filled += 1
    except (OSError, av.FFmpegError) as error:
        raise DatasetError(f"{path} cannot be decoded: {error}") from error
    if filled < len(wanted):
        raise DatasetError(f"{path} holds {filled} of the {len(wanted)} frames that the dataset expects of it")
    return filled


def _copy_images(dataset: LeRobotDataset, key: str, frames: FrameStoreWriter) -> Iterator[int]:
    images = dataset.hf_dataset.select_columns([key])
    for row in range(dataset.meta.total_frames):
        frames[row] = np.rint(images[row][key].numpy() * 255).astype(np.uint8)
        yield 1


def _check_space(dataset: LeRobotDataset, home: Path, keys: list[str]) -> None:
    """Make sure of room for frames that compress as usual."""
    raw = sum(dataset.meta.total_frames * math.prod(dataset.meta.features[key]["shape"]) for key in keys)
    needed = round(COMPRESSED_SIZE * raw)
    held = sum(path.stat().st_size for key in keys for path in (home / f"{key}.partial").glob("*"))
    free = shutil.disk_usage(home).free
    if needed - held > free:
        raise DatasetError(
            f"the frame cache needs about {(needed - held) / 1e9:.1f} GB in {home} and {free / 1e9:.1f} GB are free; "
            "name another folder with cache_folder=, or train with cache=false"
        )


def _warn_if_larger_than_memory(size: int) -> None:
    """Say so if frames will be read from the disk all the time."""
    memory = psutil.virtual_memory().total
    if size > 0.6 * memory:
        logger.warning(
            "the frame cache of %.1f GB may not stay in this machine's memory of %.1f GB: training slows down to what "
            "the disk delivers; train on fewer episodes, or on smaller frames",
            size / 1e9,
            memory / 1e9,
        )
