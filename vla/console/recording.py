"""Records what is carried out, while somebody wants it, as a LeRobot dataset."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla.data.episodes import Episode
from vla.errors import VlaError
from vla.runtime.recording import EpisodeRecorder
from vla.runtime.sidecar import Sidecar
from vla.types import EpisodeResult, Observation, Robot, Subgoal, SubgoalResult

NICENESS = 10
"""Of the process that writes: the loop goes first."""
WRITE_SECONDS = 600.0
"""Longest time that an episode may take to be written [s]."""


@dataclass(frozen=True)
class Target:
    """Where a recording goes, and what its dataset says of the robot."""

    folder: Path
    joint_names: tuple[str, ...]
    fps: int
    robot_type: str


@dataclass(frozen=True)
class WriterProcess:
    """Writes episodes in a process of its own: encoding video must not take time from the loop."""

    target: Target

    def __call__(self) -> Callable[[Episode | None], int]:
        """Return what keeps an episode, or makes the dataset of those that it was given: None ends them."""
        os.nice(NICENESS)
        import lerobot.datasets.dataset_metadata  # noqa: F401 - takes long, and is needed at the end

        from vla.data.episodes import save_shard
        from vla.data.writer import assemble

        target = self.target
        parts = target.folder.with_name(f".{target.folder.name}.episodes")
        shards: list[Path] = []

        def work(episode: Episode | None) -> int:
            if episode is not None:
                shards.append(parts / f"{len(shards):06d}.npz")
                save_shard(shards[-1], episode, target.fps)
            elif shards:
                names = target.joint_names
                assemble(shards, target.folder, joint_names=names, fps=target.fps, robot_type=target.robot_type)
                for shard in shards:
                    shard.unlink()
                parts.rmdir()
            return len(shards)

        return work


class Recorder:
    """Subscriber of the loop that can be switched on and off, from other threads.

    What is carried out when it is switched on is recorded from there, and to its end when it is switched off.

    Args:
        say: told in words what has been written, or why not; from another thread.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self.wants_frames = False
        self._wanted = self._open = False
        self._instruction = ""
        self._inner = EpisodeRecorder("console")
        self._queue: queue.SimpleQueue[Episode | None] | None = None
        self._thread: threading.Thread | None = None

    @property
    def on(self) -> bool:
        """Whether the next instruction is recorded."""
        return self._wanted

    def start(self, folder: Path, robot: Robot) -> None:
        """Record from now on, into a dataset folder that is made when it is over."""
        target = Target(folder, robot.joint_names, round(robot.control_hz), robot.robot_type)
        self._queue = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, args=(target, self._queue), name="recorder")
        self._thread.start()
        self._wanted = self.wants_frames = True

    def stop(self) -> None:
        """Record no further instruction; what is being carried out is recorded to its end."""
        self._wanted = False
        if not self._open:
            self._finish()

    def close(self) -> None:
        """End the recording, and wait until it is written."""
        self._wanted = False
        if self._open:
            self._end(False, "")
        self._finish()
        if self._thread is not None:
            self._thread.join()

    def on_start(self, instruction: str) -> None:
        """Begin an episode; the one before is over if this one has taken its place."""
        if self._open:
            self._end(False, "superseded")
        self._instruction = instruction

    def on_tick(self, observation: Observation, subgoal: Subgoal | None, action: NDArray[np.float32] | None) -> None:
        """Keep the tick, if it is wanted."""
        if not self._open and self._wanted:
            self._open = True
            self._inner.on_start(self._instruction)
        if self._open and observation.images:
            self._inner.on_tick(observation, subgoal, action)

    def on_subgoal_end(self, result: SubgoalResult) -> None:
        """Count the subgoals."""
        if self._open:
            self._inner.on_subgoal_end(result)

    def on_end(self, result: EpisodeResult) -> None:
        """The episode is over."""
        if self._open:
            self._end(result.success, result.reason, result.task, result.seed)

    def _end(self, success: bool, reason: str, task: str = "", seed: int = 0) -> None:
        self._open = False
        self._inner.on_end(EpisodeResult(task, seed, self._instruction, success, 0, reason))
        for episode in self._inner.episodes:
            if self._queue is not None:
                self._queue.put(episode)
        if not self._wanted:
            self._finish()

    def _finish(self) -> None:
        self.wants_frames = False
        if self._queue is not None:
            self._queue.put(None)
            self._queue = None

    def _write(self, target: Target, episodes: queue.SimpleQueue[Episode | None]) -> None:
        """Run in the thread."""
        try:
            with Sidecar[Any, int](WriterProcess(target), "recorder") as writer:
                episode: Episode | None = None
                while True:
                    episode = episodes.get()
                    count = writer.call(episode, WRITE_SECONDS)
                    if episode is None:
                        break
            self._say(f"recorded {count} episodes: {target.folder}" if count else "nothing was recorded")
        except VlaError as error:
            self._say(f"the recording failed: {error}")
