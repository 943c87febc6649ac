"""Plays chunks that arrive while the arm moves: from one to the next without a jump."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vla.types import ActionChunk


class BlendingExecutor:
    """Says which action belongs to a moment, and fades from the chunk that is being played to a newer one.

    A chunk begins when its observation was made, so by the time it arrives its first actions lie in the past and are
    skipped. For ``blend_ticks`` from then on, what the older chunk had in mind counts as well, less and less: the two
    disagree most at the seam, and the arm must not show it (temporal blending as in Zhao et al. 2023, ACT, restricted
    to the seam).

    Args:
        control_hz: actions a second.
        blend_ticks: control ticks that the fade takes; 0 switches at once.
    """

    def __init__(self, control_hz: float, blend_ticks: int = 4) -> None:
        self._control_hz, self._blend_ticks = control_hz, blend_ticks
        self._chunk: ActionChunk | None = None
        self._older: ActionChunk | None = None
        self._since = 0.0

    @property
    def planned_at(self) -> float | None:
        """Time of the observation that the present chunk was planned from [s]."""
        return None if self._chunk is None else self._chunk.start_time

    def load(self, chunk: ActionChunk, time: float) -> None:
        """Go over to a newer chunk from ``time`` [s] on."""
        self._older, self._chunk, self._since = self._chunk, chunk, time

    def drop(self) -> None:
        """Forget all chunks, because they were meant for something else."""
        self._chunk = self._older = None

    def remaining(self, time: float) -> int:
        """Return how many actions are left from ``time`` [s] on."""
        if self._chunk is None:
            return 0
        return max(0, len(self._chunk.actions) - max(0, self._index(self._chunk, time)))

    def action_at(self, time: float) -> NDArray[np.float32] | None:
        """Return the action (n,) for ``time`` [s], or None when there is none."""
        action = self._lookup(self._chunk, time)
        older = self._lookup(self._older, time)
        weight = (round((time - self._since) * self._control_hz) + 1) / (self._blend_ticks + 1)
        if action is None or older is None or weight >= 1:
            return action
        return (weight * action + (1 - weight) * older).astype(np.float32)

    def _lookup(self, chunk: ActionChunk | None, time: float) -> NDArray[np.float32] | None:
        if chunk is None:
            return None
        index = self._index(chunk, time)
        return chunk.actions[index] if 0 <= index < len(chunk.actions) else None

    def _index(self, chunk: ActionChunk, time: float) -> int:
        return round((time - chunk.start_time) * self._control_hz)
