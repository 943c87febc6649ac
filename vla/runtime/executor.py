"""Plays action chunks back, one action a control tick."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vla.types import ActionChunk


class ChunkExecutor:
    """Holds the newest chunk and says which of its actions belongs to a moment.

    An action is looked up by time, not by counting calls: a chunk that arrives late has its first actions skipped, a
    chunk that has run out yields nothing. For ``blend_ticks`` after a chunk has been loaded, what would have been
    played without it counts as well, less and less, at a rate that begins and ends with zero: the two disagree in
    position and velocity, and the arm must not show it (temporal blending as in Zhao et al. 2023, ACT, restricted to
    the seam).

    Args:
        control_hz: actions a second.
        n_action_steps: how many actions of a chunk may be executed; None for all.
        blend_ticks: control ticks that going over to another chunk takes; 0 switches at once.
    """

    def __init__(self, control_hz: float, n_action_steps: int | None = None, blend_ticks: int = 0) -> None:
        self._control_hz = control_hz
        self._n_action_steps = n_action_steps
        self._blend_ticks = blend_ticks
        self._chunk: ActionChunk | None = None
        self._older: ActionChunk | None = None
        self._since = 0.0

    @property
    def planned_at(self) -> float | None:
        """Time of the observation that the present chunk was planned from [s]; None without a chunk."""
        return None if self._chunk is None else self._chunk.start_time

    def load(self, chunk: ActionChunk, time: float | None = None) -> None:
        """Go over to a newer chunk from ``time`` [s] on; None for the time it starts at."""
        since = chunk.start_time if time is None else time
        self._older = self._rest(since) if self._blend_ticks else None
        self._chunk, self._since = chunk, since

    def drop(self) -> None:
        """Forget all chunks, because they were meant for something else."""
        self._chunk = self._older = None

    def action_at(self, time: float) -> NDArray[np.float32] | None:
        """Return the action (n,) meant for ``time`` [s], or None when the policy must be asked again."""
        action = self._lookup(self._chunk, time)
        part = (round((time - self._since) * self._control_hz) + 1) / (self._blend_ticks + 1)
        if action is None or part >= 1:
            return action
        older = self._lookup(self._older, time)
        weight = part * part * (3 - 2 * part)
        return action if older is None else (weight * action + (1 - weight) * older).astype(np.float32)

    def _rest(self, time: float) -> ActionChunk | None:
        """Return what would be played from ``time`` [s] on."""
        actions: list[NDArray[np.float32]] = []
        while (action := self.action_at(time + len(actions) / self._control_hz)) is not None:
            actions.append(action)
        return ActionChunk(np.stack(actions), time) if actions else None

    def _lookup(self, chunk: ActionChunk | None, time: float) -> NDArray[np.float32] | None:
        if chunk is None:
            return None
        index = round((time - chunk.start_time) * self._control_hz)
        limit = len(chunk.actions) if self._n_action_steps is None else min(self._n_action_steps, len(chunk.actions))
        return chunk.actions[index] if 0 <= index < limit else None
