"""The videos of a dataset: are they there, are they what the features say, and single frames of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import av
import numpy as np
from numpy.typing import NDArray

from vla.data.inspection.folder import DatasetFolder

SEEK_BEYOND = 8
"""Frames that are decoded in order rather than sought."""


def check_videos(folder: DatasetFolder) -> Iterator[tuple[Literal["error", "warning"], str]]:
    """Yield (severity, text) for every video that is missing, unreadable, or unlike the features."""
    rows = len(folder.episodes.get("episode_index", []))
    for camera, feature in folder.features.items():
        if feature.get("dtype") != "video" or not rows:
            continue
        paths = [folder.video_path(camera, row) for row in range(rows)]
        if unknown := paths.count(None):
            yield "error", f"{camera}: meta/episodes does not say which video holds {unknown} of {rows} episodes"
        files = sorted({path for path in paths if path is not None})
        missing = [path for path in files if not path.is_file()]
        if missing:
            episodes = sum(path in missing for path in paths)
            yield (
                "error",
                f"{camera}: {len(missing)} of {len(files)} video files are missing, the frames of {episodes} of {rows} "
                f"episodes with them ({missing[0].relative_to(folder.root)})",
            )
        for path in files:
            if path not in missing:
                frames = sum(int(folder.episodes["length"][row]) for row in range(rows) if paths[row] == path)
                yield from _check_video(folder, camera, path, frames)


def _check_video(
    folder: DatasetFolder, camera: str, path: Path, frames: int
) -> Iterator[tuple[Literal["error", "warning"], str]]:
    name = path.relative_to(folder.root)
    try:
        size, rate, count = _probe(path)
    except (OSError, IndexError, av.FFmpegError) as error:
        yield "error", f"{name} cannot be read: {error}"
        return
    shape = tuple(folder.features[camera].get("shape", ()))
    if size not in (shape[:2], shape[1:]):
        yield "error", f"{name} is {size[0]}x{size[1]}, the features say {'x'.join(map(str, shape))}"
    if abs(rate - folder.fps) > 0.01 * folder.fps:
        yield "error", f"{name} runs at {rate:.4g} fps, the dataset at {folder.fps:g}"
    if count and count < frames:
        yield "error", f"{name} holds {count} frames, its episodes need {frames}"


def _probe(path: Path) -> tuple[tuple[int, int], float, int]:
    """Return (height, width), frames a second, and the number of frames (0 when the file does not say)."""
    container = av.open(str(path))
    try:
        stream = container.streams.video[0]
        return (stream.height, stream.width), float(stream.average_rate or 0), stream.frames
    finally:
        container.close()


def read_frame(folder: DatasetFolder, camera: str, row: int, time: float) -> NDArray[np.uint8] | None:
    """Return a camera's frame (H, W, 3) at ``time`` [s] of the episode in ``row`` of ``meta/episodes``, or None."""
    return next(read_frames(folder, camera, row, [round(time * folder.fps)]))


def read_frames(
    folder: DatasetFolder, camera: str, row: int, wanted: Sequence[int]
) -> Iterator[NDArray[np.uint8] | None]:
    """Yield a camera's frames (H, W, 3) of the episode in ``row`` of ``meta/episodes``; None for each unreadable one.

    Args:
        folder: of the dataset.
        camera: column of the frames.
        row: row of the episode.
        wanted: frames, counted from the episode's first, in rising order.
    """
    stored = folder.features[camera].get("dtype") == "image"
    found = 0
    try:
        for frame in (_stored_images if stored else _video_frames)(folder, camera, row, wanted):
            yield frame
            found += 1
    except (OSError, IndexError, KeyError, ValueError, av.FFmpegError):
        pass
    for _ in wanted[found:]:
        yield None


def _video_frames(
    folder: DatasetFolder, camera: str, row: int, wanted: Sequence[int]
) -> Iterator[NDArray[np.uint8] | None]:
    path = folder.video_path(camera, row)
    if path is None or not path.is_file():
        return
    start = folder.episodes.get(f"videos/{camera}/from_timestamp", [0.0] * (row + 1))[row] or 0.0
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = iter(())
        last = None
        for index in wanted:
            target = start + (index - 0.5) / folder.fps
            if last is None or index > last + SEEK_BEYOND:
                container.seek(int(max(target, 0) / stream.time_base), stream=stream)  # pyright: ignore
                frames = container.decode(stream)
            last = index
            frame = next((frame for frame in frames if frame.time is not None and frame.time >= target), None)
            yield None if frame is None else np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def _stored_images(
    folder: DatasetFolder, camera: str, row: int, wanted: Sequence[int]
) -> Iterator[NDArray[np.uint8] | None]:
    import cv2
    import pyarrow.parquet as pq

    chunk = folder.episodes.get("data/chunk_index", [0] * (row + 1))[row]
    file = folder.episodes.get("data/file_index", [0] * (row + 1))[row]
    path = folder.root / folder.info["data_path"].format(chunk_index=int(chunk), file_index=int(file))
    episode = int(folder.episodes["episode_index"][row])
    column = pq.read_table(path, columns=[camera], filters=[("episode_index", "=", episode)]).column(camera)
    for index in wanted:
        encoded = column[index].as_py() if index < len(column) else None
        if not isinstance(encoded, dict) or not encoded.get("bytes"):
            yield None
            continue
        image = cv2.imdecode(np.frombuffer(encoded["bytes"], np.uint8), cv2.IMREAD_COLOR)
        yield None if image is None else np.asarray(image[:, :, ::-1], np.uint8)
