"""Shows a run in rerun: frames, joint positions, what was sent, subgoals, and what the safety filter changed."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from vla.errors import ConfigError
from vla.types import EpisodeResult, Observation, Subgoal, SubgoalResult

VIEWER = "spawn"
WAITING = 60
"""Ticks that may wait to be logged; further ones are left out."""
QUALITY = 80
"""Of frames as JPEG."""
CLOSE_SECONDS = 10.0
"""Longest time that the last ticks may take to be written [s]."""


class RerunLog:
    """Subscriber that logs from a thread of its own; use as a context manager.

    The loop only puts ticks into a queue, and leaves them out while that is full. Frames are logged in the ticks that
    have some anyway.

    Args:
        target: the .rrd file to write, which appears at the end; or ``spawn`` for rerun's viewer.
        joint_names: for the plots.
        interventions: returns how often the safety filter has changed something so far, by cause.

    Raises:
        ConfigError: the target is neither.
    """

    wants_frames = False

    def __init__(
        self,
        target: str,
        joint_names: tuple[str, ...],
        interventions: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        check_target(target)
        self._target, self._joint_names, self._interventions = target, joint_names, interventions
        self._partial: Path | None = None
        self._queue: queue.Queue[Callable[[], None] | None] = queue.Queue(WAITING)
        self._counts: dict[str, int] = {}
        self.dropped = 0
        """Ticks that were left out."""

    def __enter__(self) -> Self:
        import rerun

        self._rerun: Any = rerun
        self._recording: Any = rerun.RecordingStream("vla deploy")
        if self._target == VIEWER:
            self._recording.spawn()
        else:
            path = Path(self._target)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._partial = path.with_name(f".{path.stem}.partial.rrd")
            self._recording.save(self._partial)
        for name in ("state", "action"):
            self._recording.log(name, rerun.SeriesLines(names=list(self._joint_names)), static=True)
        self._thread = threading.Thread(target=self._write, name="rerun", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            self._queue.put(None, timeout=CLOSE_SECONDS)
        except queue.Full:
            return
        self._thread.join(CLOSE_SECONDS)
        self._recording.flush()
        self._recording.disconnect()
        if self._partial is not None and not self._thread.is_alive():
            self._partial.replace(self._target)

    def on_start(self, instruction: str) -> None:
        """Log the instruction."""
        self._put(lambda: self._recording.log("instruction", self._rerun.TextLog(instruction)))

    def on_tick(self, observation: Observation, subgoal: Subgoal | None, action: NDArray[np.float32] | None) -> None:
        """Log a tick."""
        counts = dict(self._interventions())
        causes = [cause for cause, count in counts.items() if count > self._counts.get(cause, 0)]
        self._counts = counts
        self._put(lambda: self._log_tick(observation, subgoal, action, causes))

    def on_subgoal_end(self, result: SubgoalResult) -> None:
        """Log what became of a subgoal."""
        text = f"{result.subgoal.text}: {result.outcome} {result.reason}".rstrip()
        self._put(lambda: self._recording.log("subgoal", self._rerun.TextLog(text)))

    def on_end(self, result: EpisodeResult) -> None:
        """Log how it ended."""
        text = "success" if result.success else f"failure: {result.reason}"
        self._put(lambda: self._recording.log("result", self._rerun.TextLog(text)))

    def _put(self, log: Callable[[], None]) -> None:
        try:
            self._queue.put_nowait(log)
        except queue.Full:
            self.dropped += 1

    def _write(self) -> None:
        """Run in the thread."""
        while (log := self._queue.get()) is not None:
            log()
            time.sleep(0)

    def _log_tick(
        self, observation: Observation, subgoal: Subgoal | None, action: NDArray[np.float32] | None, causes: list[str]
    ) -> None:
        recording, rerun = self._recording, self._rerun
        recording.set_time("time", duration=observation.time)
        for camera, frame in observation.images.items():
            recording.log(f"cameras/{camera}", rerun.Image(frame).compress(jpeg_quality=QUALITY))
            box = subgoal.box if subgoal is not None else None
            if box is not None and box.camera == camera:
                height, width = frame.shape[:2]
                corners = np.array([[box.x0, box.y0, box.x1, box.y1]]) * [width, height, width, height]
                boxes = rerun.Boxes2D(array=corners, array_format=rerun.Box2DFormat.XYXY)
                recording.log(f"cameras/{camera}/goal", boxes)
        recording.log("state", rerun.Scalars(observation.state))
        if action is not None:
            recording.log("action", rerun.Scalars(action))
        recording.log("subgoal/text", rerun.TextDocument(subgoal.text if subgoal is not None else ""))
        for cause in causes:
            recording.log("safety", rerun.TextLog(cause))


def check_target(target: str) -> None:
    """Make sure that a target is one.

    Raises:
        ConfigError: it is not.
    """
    if target != VIEWER and (not target.endswith(".rrd") or Path(target).is_dir()):
        raise ConfigError(f"rerun={target} is no target; valid: true, {VIEWER}, or a file that ends with .rrd")
