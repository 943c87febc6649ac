"""What the user's words leave to plan: skills, things, and what has been dealt with.

Two readers of the same words stand behind it: the grammar reads clauses in their order (`Agenda`), and where it cannot,
the noun phrases and verbs still say what the words are about (`Mentions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vla.language import Step
from vla.planner.agenda import Agenda
from vla.planner.mentions import KNOWN, Mentions
from vla.planner.phrases import CHOICES
from vla.vlm.prompts import DONE


class Guard(Protocol):
    """What limits plans."""

    open_ended: bool
    """Whether only the picture tells how many things the instruction is about."""

    def choices(self, reached: Sequence[Step]) -> frozenset[str]:
        """Return what a plan may be, beside a refusal, after some steps have been reached; at least one skill."""
        ...

    def phrases(self, reached: Sequence[Step]) -> tuple[str, ...]:
        """Return what a plan may name; none if that is anything."""
        ...

    def allows(self, step: Step, reached: Sequence[Step]) -> bool:
        """Whether a step may follow."""
        ...

    def is_finished(self, reached: Sequence[Step]) -> bool:
        """Whether the words tell that nothing is left to do."""
        ...


class Unguarded:
    """Lets any step pass; implements `Guard`."""

    open_ended = False

    def choices(self, reached: Sequence[Step]) -> frozenset[str]:
        """Return all."""
        return frozenset(CHOICES)

    def phrases(self, reached: Sequence[Step]) -> tuple[str, ...]:
        """Return none: anything may be named."""
        return ()

    def allows(self, step: Step, reached: Sequence[Step]) -> bool:
        """Return True."""
        return True

    def is_finished(self, reached: Sequence[Step]) -> bool:
        """Return False: the model tells."""
        return False


class Mandate:
    """Lets pass what the user has asked for, so that no order in the picture is followed; implements `Guard`.

    Args:
        instruction: the user's.
    """

    def __init__(self, instruction: str) -> None:
        self._agenda, self._mentions = Agenda(instruction), Mentions(instruction)
        self.open_ended = self._agenda.open_ended if self._agenda.clauses else bool(self._mentions.left_out)

    def choices(self, reached: Sequence[Step]) -> frozenset[str]:
        """Return what a plan may be; see `Guard`."""
        return self._agenda.choices(reached) if self._agenda.clauses else self._mentions.skills | {DONE}

    def phrases(self, reached: Sequence[Step]) -> tuple[str, ...]:
        """Return what a plan may name; see `Guard`."""
        due = self._agenda.due(reached)
        named = (due.phrases if due else ()) or self._mentions.phrases or self._agenda.phrases
        spent = self._spent(reached)
        if not spent:
            return named
        return tuple(phrase for phrase in named or KNOWN if phrase not in spent)

    def allows(self, step: Step, reached: Sequence[Step]) -> bool:
        """Whether a step may follow; see `Guard`. What has been dealt with is left where it is."""
        asked_for = self._mentions.allow(step) and self._agenda.allow(step, reached)
        return asked_for and step.object not in self._spent(reached)

    def is_finished(self, reached: Sequence[Step]) -> bool:
        """Whether the words tell that nothing is left to do; see `Guard`."""
        return self._agenda.is_finished(reached)

    def _spent(self, reached: Sequence[Step]) -> frozenset[str]:
        """Return the things that need nothing more."""
        if self._agenda.clauses or not self.open_ended:
            return self._agenda.spent(reached)
        return frozenset(step.object for step in reached if step.skill != "pick")
