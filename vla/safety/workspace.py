"""The hand stays within a box."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from vla.errors import ConfigError
from vla.safety.limit import Array, Veto

if TYPE_CHECKING:
    from vla.safety.arm_model import ArmModel


class Workspace(Veto):
    """Forbids configurations in which the hand is outside of a box.

    Args:
        arm: model of the arm.
        site: of the hand.
        low: corner of the box (3,), in the frame of the arm's base [m].
        high: opposite corner.

    Raises:
        ConfigError: the box is empty.
    """

    name = "workspace"

    def __init__(self, arm: ArmModel, site: str, low: ArrayLike, high: ArrayLike) -> None:
        self._arm, self._site = arm, site
        self._low, self._high = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
        if not (self._low < self._high).all():
            raise ConfigError(f"the workspace from {self._low.tolist()} to {self._high.tolist()} m is empty")

    def violation(self, position: Array) -> float:
        """Return how far outside of the box the hand is [m]."""
        self._arm.place(position)
        hand = self._arm.site_position(self._site)
        return float(np.maximum(self._low - hand, hand - self._high).max())
