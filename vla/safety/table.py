"""The arm does not hit the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vla.safety.limit import Array, Veto

if TYPE_CHECKING:
    from vla.safety.arm_model import ArmModel


class Table(Veto):
    """Forbids configurations in which the arm is in the table.

    Args:
        arm: model of the arm on its table.
        tolerance: depth that is allowed: commands press fingers on what lies on the table [m].
    """

    name = "table"

    def __init__(self, arm: ArmModel, tolerance: float) -> None:
        self._arm, self._tolerance = arm, tolerance

    def violation(self, position: Array) -> float:
        """Return the depth beyond the tolerance [m]."""
        self._arm.place(position)
        return self._arm.depth_in_table() - self._tolerance
