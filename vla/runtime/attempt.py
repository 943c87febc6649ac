"""Whether an attempt at a subgoal is over: the arm has left where it rests, and is back."""

from __future__ import annotations

from numpy.typing import NDArray

from vla.rest import Rest

LEFT = 10.0
"""How far a joint must be from its rest for the arm to have left [lerobot units]."""
BACK = 6.0
"""How near all joints must be to their rest for the arm to be back [lerobot units]."""


class Attempt:
    """Has the arm rest between its return and the planner's next look, so that what is looked at stays as it is.

    Policies have learned to come back after a subgoal, and not what to do there: one that goes on may well begin again,
    and undo what it has done. The arm rests where it is when it is first seen. Time limits are for attempts: while the
    arm waits, no subgoal runs out of time.
    """

    def __init__(self) -> None:
        self._rest = Rest(LEFT, BACK)
        self.begin()

    def begin(self) -> None:
        """Another attempt begins."""
        self.over = False
        """Whether the arm is back, and nobody has looked yet."""
        self._rest.begin()
        self._look: int | None = None

    def see(self, state: NDArray) -> bool:
        """Take in where the joints are (n,), gripper last; return whether the arm has just come back."""
        self._rest.see(state)
        is_back = self._rest.has_left and self._rest.there and not self.over
        self.over |= is_back
        return is_back

    def asked(self, question: int) -> None:
        """The planner has been asked; questions are numbered in their order."""
        if self.over and self._look is None:
            self._look = question

    def answered(self, question: int) -> bool:
        """Take in that a question was answered; return whether the arm may go on, if it rested."""
        if self._look is None or question < self._look:
            return False
        self.begin()
        return True
