"""Plays an action chunk back, one action a control tick."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vla.types import ActionChunk


class ChunkExecutor:
    """Holds the newest chunk and says which of its actions belongs to a moment.

    An action is looked up by time, not by counting calls: a chunk that arrives late has its first actions skipped, a
    chunk that has run out yields nothing.

    Args:
        control_hz: actions a second.
        n_action_steps: how many actions of a chunk may be executed.
    """

    def __init__(self, control_hz: float, n_action_steps: int) -> None:
        self._control_hz = control_hz
        self._n_action_steps = n_action_steps
        self._chunk: ActionChunk | None = None

    def load(self, chunk: ActionChunk) -> None:
        """Replace what is left of the previous chunk."""
        self._chunk = chunk

    def drop(self) -> None:
        """Forget the chunk, because it was meant for something else."""
        self._chunk = None

    def action_at(self, time: float) -> NDArray[np.float32] | None:
        """Return the action (n,) meant for ``time`` [s], or None when the policy must be asked again."""
        if self._chunk is None:
            return None
        index = round((time - self._chunk.start_time) * self._control_hz)
        if not 0 <= index < min(self._n_action_steps, len(self._chunk.actions)):
            return None
        return self._chunk.actions[index]
