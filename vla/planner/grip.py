"""What the opening of a gripper tells about what is in it."""

from __future__ import annotations

from dataclasses import dataclass

OPEN = 0.75
"""Part of the opening at the start of the episode from which on the gripper is open."""
EMPTY = 8.5
"""Opening below which a closed gripper holds nothing [0-100]."""


@dataclass(frozen=True)
class Grip:
    """An opening, beside the one at the start of the episode."""

    opening: float
    """Measured now [0-100]."""
    at_start: float
    """Measured then [0-100]."""
    open: float = OPEN
    """Part of the opening at the start from which on the gripper is open."""
    empty: float = EMPTY
    """Opening below which a closed gripper holds nothing [0-100]."""

    @property
    def is_open(self) -> bool:
        """Whether nothing can be held."""
        return self.opening > self.open * self.at_start

    @property
    def holds(self) -> bool:
        """Whether a gripper that was open at the start is closed around something."""
        return self.opening > self.empty and not self.is_open

    @property
    def may_hold(self) -> bool:
        """Whether there may be something in it; a gripper that was not open at the start cannot tell."""
        was_open = self.at_start > 2 * self.empty
        return not was_open or self.holds

    def before(self, skill: str) -> float | None:
        """Return the opening with which a skill begins [0-100]; None where that is how it is."""
        return self.at_start if skill == "pick" and not self.is_open else None
