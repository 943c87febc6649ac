"""Collects an episode in memory, in the form in which datasets store it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vla.data.episodes import Episode, EpisodeInfo
from vla.types import EpisodeResult, Observation, Subgoal, SubgoalResult, goal_vector


@dataclass
class _Stretch:
    """Consecutive ticks."""

    images: dict[str, list[NDArray[np.uint8]]] = field(default_factory=dict)
    states: list[NDArray[np.float32]] = field(default_factory=list)
    goals: list[NDArray[np.float32]] = field(default_factory=list)
    actions: list[NDArray[np.float32]] = field(default_factory=list)
    subgoals: list[str] = field(default_factory=list)
    indices: list[int] = field(default_factory=list)


class EpisodeRecorder:
    """Subscriber that keeps the ticks in which a subgoal was pursued by somebody to imitate.

    Args:
        suite: name of the suite, kept with the episodes.
    """

    wants_frames = True

    def __init__(self, suite: str) -> None:
        self.episodes: list[Episode] = []
        """What was recorded, once the episode is over; more than one where ticks between were left out."""
        self._suite = suite
        self._clear()

    def on_start(self, instruction: str) -> None:
        """Forget the previous episode."""
        self.episodes = []
        self._clear()

    def on_tick(self, observation: Observation, subgoal: Subgoal | None, action: NDArray[np.float32] | None) -> None:
        """Keep the tick."""
        if subgoal is None or action is None:
            self._gap = True
            return
        if self._gap:
            self._stretches.append(_Stretch())
            self._gap = False
        stretch = self._stretches[-1]
        for camera, frame in observation.images.items():
            stretch.images.setdefault(camera, []).append(frame)
        stretch.states.append(observation.state)
        stretch.goals.append(goal_vector(subgoal))
        stretch.actions.append(action)
        stretch.subgoals.append(subgoal.text)
        stretch.indices.append(self._index)

    def on_subgoal_end(self, result: SubgoalResult) -> None:
        """Count the subgoals of the episode."""
        self._index += 1

    def on_end(self, result: EpisodeResult) -> None:
        """Put the columns together."""
        info = EpisodeInfo(
            instruction=result.instruction,
            seed=result.seed,
            suite=self._suite,
            suite_task=result.task,
            success=result.success,
        )
        self.episodes = [
            Episode(
                info=info,
                images={camera: np.stack(frames) for camera, frames in stretch.images.items()},
                state=np.stack(stretch.states),
                goal=np.stack(stretch.goals),
                action=np.stack(stretch.actions),
                subgoals=stretch.subgoals,
                subgoal_index=np.array(stretch.indices, np.int64),
            )
            for stretch in self._stretches
        ]

    def _clear(self) -> None:
        self._stretches: list[_Stretch] = []
        self._gap = True
        self._index = 0
