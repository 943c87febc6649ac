"""Collects an episode in memory, in the form in which datasets store it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vla.data.episodes import Episode, EpisodeInfo
from vla.types import EpisodeResult, Observation, Subgoal, SubgoalResult, goal_vector


class EpisodeRecorder:
    """Subscriber that keeps every tick in which a subgoal was pursued; ``episode`` holds them when it is over.

    Args:
        suite: name of the suite, kept with the episode.
    """

    wants_frames = True

    def __init__(self, suite: str) -> None:
        self.episode: Episode | None = None
        """The finished episode; None before the end, and if nothing was ever pursued."""
        self._suite = suite
        self._clear()

    def on_start(self, instruction: str) -> None:
        """Forget the previous episode."""
        self.episode = None
        self._clear()

    def on_tick(self, observation: Observation, subgoal: Subgoal | None, action: NDArray[np.float32]) -> None:
        """Keep the tick."""
        if subgoal is None:
            return
        for camera, frame in observation.images.items():
            self._images.setdefault(camera, []).append(frame)
        self._states.append(observation.state)
        self._goals.append(goal_vector(subgoal))
        self._actions.append(action)
        self._subgoals.append(subgoal.text)
        self._indices.append(self._index)

    def on_subgoal_end(self, result: SubgoalResult) -> None:
        """Count the subgoals of the episode."""
        self._index += 1

    def on_end(self, result: EpisodeResult) -> None:
        """Put the columns together."""
        if not self._states:
            return
        self.episode = Episode(
            info=EpisodeInfo(
                instruction=result.instruction,
                seed=result.seed,
                suite=self._suite,
                suite_task=result.task,
                success=result.success,
            ),
            images={camera: np.stack(frames) for camera, frames in self._images.items()},
            state=np.stack(self._states),
            goal=np.stack(self._goals),
            action=np.stack(self._actions),
            subgoals=self._subgoals,
            subgoal_index=np.array(self._indices, np.int64),
        )

    def _clear(self) -> None:
        self._images: dict[str, list[NDArray[np.uint8]]] = {}
        self._states: list[NDArray[np.float32]] = []
        self._goals: list[NDArray[np.float32]] = []
        self._actions: list[NDArray[np.float32]] = []
        self._subgoals: list[str] = []
        self._indices: list[int] = []
        self._index = 0
