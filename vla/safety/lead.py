"""A command may be ahead of the measured position by a little only, so that a blocked arm does not wind up."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from vla.safety.limit import Array, Clamp, Situation


class Lead(Clamp):
    """Bounds the distance of targets from where the joints are.

    Args:
        limit: largest distance of each joint [units].
    """

    name = "lead over the measured position"

    def __init__(self, limit: ArrayLike) -> None:
        self._limit = np.asarray(limit, dtype=np.float64)

    def clamp(self, target: Array, situation: Situation) -> Array:
        """Return the nearest target within the distance."""
        return np.clip(target, situation.measured - self._limit, situation.measured + self._limit)
