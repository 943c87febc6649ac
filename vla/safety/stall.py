"""An arm that does not follow its commands is blocked, overloaded or unplugged: stop for good."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from vla.safety.limit import Array, Monitor, Situation, Verdict


class Stall(Monitor):
    """Stops when a joint has stayed far from its command, without moving, for some time.

    Args:
        joint_names: for the message.
        error: distance between command and measurement from which a joint may be stalled [units]; infinite for joints
            that are meant to push, as a gripper is.
        distance: a joint that has moved by this much meanwhile is not stalled [units].
        seconds: how long it may last [s].
    """

    def __init__(self, joint_names: Sequence[str], error: ArrayLike, distance: float, seconds: float) -> None:
        self._names = tuple(joint_names)
        self._error = np.broadcast_to(np.asarray(error, dtype=np.float64), (len(self._names),))
        self._distance, self._seconds = distance, seconds
        self.reset()

    def reset(self) -> None:
        """Forget for how long which joint has been stalled."""
        self._anchor: Array | None = None
        self._since = np.full(len(self._names), np.inf)

    def judge(self, command: Array, situation: Situation) -> Verdict | None:
        """Look for joints that are far off and have not moved since they were first."""
        measured, now = situation.measured, situation.time
        if self._anchor is None:
            self._anchor = measured.copy()
        far = np.abs(command - measured) > self._error
        moved = np.abs(measured - self._anchor) > self._distance
        fresh = ~far | moved
        self._anchor = np.where(fresh, measured, self._anchor)
        self._since = np.where(fresh, np.inf, np.minimum(self._since, now))
        stalled = now - self._since > self._seconds
        if not stalled.any():
            return None
        return Verdict(f"{self._names[np.flatnonzero(stalled)[0]]} is stalled", latch=True)
