"""Shows episodes of a dataset in rerun: frames, states, actions and what the robot is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vla.data.features import ACTION, STATE, camera_name
from vla.data.inspection.folder import DatasetFolder
from vla.data.inspection.language import instructions
from vla.data.inspection.videos import read_frames
from vla.errors import DatasetError

QUALITY = 80
"""Of frames as JPEG."""


def show_in_rerun(
    folder: DatasetFolder,
    episodes: Sequence[int],
    file: Path | None,
    progress: Callable[[int], None] = lambda done: None,
) -> None:
    """Log episodes one after the other, on the timelines ``frame`` (of the dataset) and ``time`` (of what is logged).

    Args:
        folder: of the dataset.
        episodes: to log.
        file: the .rrd file to write, which appears at the end; None for rerun's viewer.
        progress: called with the number of episodes that are logged.

    Raises:
        DatasetError: the viewer cannot be started.
    """
    import rerun

    recording: Any = rerun.RecordingStream("vla inspect")
    partial = None
    if file is None:
        try:
            recording.spawn()
        except (OSError, RuntimeError) as error:
            raise DatasetError(f"rerun's viewer does not start ({error}); rerun=<file>.rrd writes a file") from error
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f".{file.stem}.partial.rrd")
        recording.save(partial)
    vectors = [name for name in (STATE, ACTION) if name in folder.vectors]
    for name in vectors:
        recording.log(_path(name), rerun.SeriesLines(names=folder.dimension_names(name)), static=True)
    told, elapsed = instructions(folder), 0
    for done, episode in enumerate(episodes):
        _log_episode(rerun, recording, folder, episode, elapsed, told[episode], vectors)
        elapsed += folder.slices[episode].stop - folder.slices[episode].start
        progress(done + 1)
    recording.flush()
    recording.disconnect()
    if partial is not None and file is not None:
        partial.replace(file)


def _log_episode(
    rerun: Any, recording: Any, folder: DatasetFolder, episode: int, elapsed: int, told: str, vectors: Sequence[str]
) -> None:
    rows = folder.slices[episode]
    length = rows.stop - rows.start
    row = folder.episode_rows.get(episode)
    cameras = {camera: read_frames(folder, camera, row, range(length)) for camera in folder.cameras if row is not None}
    tasks = folder.frames.get("task_index", np.full(len(folder.frames["episode_index"]), -1)).reshape(-1)
    for tick in range(length):
        index = rows.start + tick
        recording.set_time("frame", sequence=index)
        recording.set_time("time", duration=(elapsed + tick) / folder.fps)
        if tick == 0:
            recording.log("episode", rerun.TextLog(f"episode {episode}: {told}"))
        if tick == 0 or tasks[index] != tasks[index - 1]:
            recording.log("task", rerun.TextDocument(folder.tasks.get(int(tasks[index]), told)))
        for camera, frames in cameras.items():
            if (frame := next(frames)) is not None:
                recording.log(f"cameras/{_path(camera)}", rerun.Image(frame).compress(jpeg_quality=QUALITY))
        for name in vectors:
            recording.log(_path(name), rerun.Scalars(folder.vectors[name][index]))


def _path(column: str) -> str:
    return camera_name(column).removeprefix("observation.").replace(".", "_")
