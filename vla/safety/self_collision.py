"""The arm does not hit itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vla.safety.limit import Array, Veto

if TYPE_CHECKING:
    from vla.safety.arm_model import ArmModel


class SelfCollision(Veto):
    """Forbids configurations in which parts of the arm are in each other.

    Args:
        arm: model of the arm.
        tolerance: depth that is allowed, since the hulls that are tested are larger than the parts [m].
    """

    name = "self-collision"

    def __init__(self, arm: ArmModel, tolerance: float) -> None:
        self._arm, self._tolerance = arm, tolerance

    def violation(self, position: Array) -> float:
        """Return the depth beyond the tolerance [m]."""
        self._arm.place(position)
        return self._arm.depth_in_itself() - self._tolerance
