"""What an instruction leaves to plan, as far as the grammar can read it: its clauses in their order, and their things.

A model that sees decides what is next among what this leaves, and whether it is reached.
"""

from __future__ import annotations

from collections.abc import Sequence

from vla.errors import InstructionError
from vla.language import MOVABLES, Clause, Selector, Step, parse
from vla.language.lexer import tokenize
from vla.planner.mentions import FIXTURES, Thing, read_things
from vla.planner.phrases import CHOICES
from vla.vlm.prompts import DONE

ONE = ("the", "a", "it")
"""Quantities of one thing; how many steps all others take cannot be told from the words."""


class Agenda:
    """The clauses of an instruction; one that the grammar cannot read leaves everything open.

    Args:
        instruction: in plain words.
    """

    def __init__(self, instruction: str) -> None:
        try:
            self.clauses = parse(instruction)
        except InstructionError:
            self.clauses = ()

    def choices(self, reached: Sequence[Step]) -> frozenset[str]:
        """Return what a plan may be, beside a refusal, after some steps have been reached.

        Where the words tell that a clause is still to be carried out, only its skills are left; the end is, too, as
        long as nothing has been done: what is asked for may be the case already.
        """
        if not self.clauses:
            return frozenset(CHOICES)
        due = self._due(reached)
        skills = {clause.skill for clause in ([due] if due else self.clauses)}
        if skills & {"place", "stack"}:
            skills.add("pick")
        return frozenset(skills if due and reached else {*skills, DONE})

    def allow(self, step: Step) -> bool:
        """Whether a clause could mean a step's object."""
        return not self.clauses or self._mean(step.object)

    @property
    def phrases(self) -> tuple[str, ...]:
        """Phrases of the things and places that the clauses could mean; none if these could be any movable things."""
        if not self.clauses or all(self._mean(phrase) for phrase in MOVABLES):
            return ()
        places = [clause.place for clause in self.clauses if isinstance(clause.place, Selector)]
        return tuple(
            name for name in (*MOVABLES, *FIXTURES) if self._mean(name) or any(means(place, name) for place in places)
        )

    def _due(self, reached: Sequence[Step]) -> Clause | None:
        """Return the first clause that is still to be carried out; None if there is none, or it cannot be told."""
        left = list(reached)
        for clause in self.clauses:
            selector, *others = clause.objects
            if others or selector.quantity not in ONE or selector.count not in (None, 1):
                return None
            done = [step for step in left if step.skill == clause.skill and means(selector, step.object)]
            if not done:
                return clause
            left.remove(done[0])
        return None

    def _mean(self, phrase: str) -> bool:
        return any(means(selector, phrase) for clause in self.clauses for selector in clause.objects)


def means(selector: Selector, phrase: str) -> bool:
    """Whether a noun phrase of the instruction could mean what a plan calls ``phrase``."""
    if selector.quantity in ("it", "them", "rest"):
        return True
    things = read_things(tokenize(phrase))
    if not things or any(means(other, phrase) for other in selector.excluding):
        return False
    return Thing(selector.colour, selector.kind).could_mean(things[-1])
