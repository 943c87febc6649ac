"""What an instruction leaves to plan, as far as the grammar can read it: its clauses in their order, and their things.

A model that sees decides what is next among what this leaves, and whether it is reached.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from vla.errors import InstructionError
from vla.language import MOVABLES, Selector, Step, parse
from vla.language.lexer import tokenize
from vla.planner.mentions import KNOWN, Thing, read_things
from vla.planner.phrases import CHOICES
from vla.vlm.prompts import DONE

MOTIONS = ("push", "press")
"""Skills that are about what is done, not about what is the case then."""


@dataclass(frozen=True)
class Due:
    """What a clause asks for with one of its things."""

    skill: str
    object: Selector
    place: Selector | str | None
    """A container, the base of a stack, or a direction."""

    def allows(self, step: Step) -> bool:
        """Whether a step could be it, or the pick before it."""
        if not means(self.object, step.object):
            return False
        if isinstance(self.place, Selector):
            return step.place is None or means(self.place, step.place)
        return step.place == self.place

    @property
    def phrases(self) -> tuple[str, ...]:
        """Phrases of what it could mean; none if that could be any movable thing."""
        return phrases_of([self.object], [self.place])


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

        Where the words tell that a clause is still to be carried out, only its skills are left. The end is, too, as
        long as nothing has been done and no motion is asked for: what is to be the case may be so already.
        """
        if not self.clauses:
            return frozenset(CHOICES)
        left = self._left(reached)
        skills = {left[0].skill} if left else {clause.skill for clause in self.clauses}
        if skills & {"place", "stack"}:
            skills.add("pick")
        return frozenset(skills if self.due(reached) else {*skills, DONE})

    def due(self, reached: Sequence[Step]) -> Due | None:
        """Return what is to be done now, where the words tell that something is."""
        left = self._left(reached)
        moves = any(clause.skill in MOTIONS for clause in self.clauses)
        return left[0] if left and (reached or moves) else None

    def is_finished(self, reached: Sequence[Step]) -> bool:
        """Whether all clauses have been carried out; never where one is about all things of some kind."""
        return bool(self.clauses) and self._left(reached) == []

    @property
    def open_ended(self) -> bool:
        """Whether a clause is about all things of some kind."""
        return any(number_of(selector) is None for clause in self.clauses for selector in clause.objects)

    def spent(self, reached: Sequence[Step]) -> frozenset[str]:
        """Return the things for which every clause that could mean them has been carried out.

        None where each clause is about one thing: what is due tells what is next then.
        """
        if all(len(clause.objects) == 1 and number_of(clause.objects[0]) == 1 for clause in self.clauses):
            return frozenset()
        return frozenset(step.object for step in reached if self._is_spent(step.object, reached))

    def allow(self, step: Step, reached: Sequence[Step]) -> bool:
        """Whether a step could be what is due; where the words do not tell, whether a clause could mean its object."""
        if due := self.due(reached):
            return due.allows(step)
        return not self.clauses or self._mean(step.object)

    @property
    def phrases(self) -> tuple[str, ...]:
        """Phrases of the things and places that the clauses could mean; none if these could be any movable things."""
        return phrases_of(self._objects, [clause.place for clause in self.clauses])

    def _left(self, reached: Sequence[Step]) -> list[Due] | None:
        """Return what is still asked for, in its order; None where that cannot be told.

        Before a clause about all things of some kind, what is left of those before it can be.
        """
        unused, left = list(reached), list[Due]()
        for clause in self.clauses:
            for selector in clause.objects:
                number = number_of(selector)
                if number is None:
                    return left or None
                for _ in range(number):
                    done = [step for step in unused if step.skill == clause.skill and means(selector, step.object)]
                    if done:
                        unused.remove(done[0])
                    else:
                        left.append(Due(clause.skill, selector, clause.place))
        return left

    def _is_spent(self, phrase: str, reached: Sequence[Step]) -> bool:
        clauses = [clause for clause in self.clauses if any(means(selector, phrase) for selector in clause.objects)]
        naming = [clause for clause in clauses if any(selector.quantity != "rest" for selector in clause.objects)]
        asked = Counter(clause.skill for clause in naming or clauses)  # the rest is what no other clause is about
        done = Counter(step.skill for step in reached if step.object == phrase)
        return all(done[skill] >= times for skill, times in asked.items())

    @property
    def _objects(self) -> list[Selector]:
        return [selector for clause in self.clauses for selector in clause.objects]

    def _mean(self, phrase: str) -> bool:
        return any(means(selector, phrase) for selector in self._objects)


def phrases_of(objects: Sequence[Selector], places: Sequence[Selector | str | None]) -> tuple[str, ...]:
    """Return the phrases of what noun phrases and places could mean; none if the former could be any movable thing."""
    if not objects or all(any(means(one, phrase) for one in objects) for phrase in MOVABLES):
        return ()
    selectors = [*objects, *(place for place in places if isinstance(place, Selector))]
    return tuple(name for name in KNOWN if any(means(selector, name) for selector in selectors))


def number_of(selector: Selector) -> int | None:
    """Return how many things a noun phrase is about; None where only the picture tells."""
    return selector.count or (1 if selector.quantity in ("the", "a", "it") else None)


def means(selector: Selector, phrase: str) -> bool:
    """Whether a noun phrase of the instruction could mean what a plan calls ``phrase``."""
    if selector.quantity in ("it", "them", "rest"):
        return True
    things = read_things(tokenize(phrase))
    if not things or any(means(other, phrase) for other in selector.excluding):
        return False
    return Thing(selector.colour, selector.kind).could_mean(things[-1])
