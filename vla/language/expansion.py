"""Clauses to steps: objects are looked up among those on the table, and a place is reached by picking first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vla.errors import InstructionError
from vla.language.parser import Clause
from vla.language.selectors import Selector
from vla.language.vocabulary import BUTTON, MOVABLES, split_phrase, subgoal_question, subgoal_text


@dataclass(frozen=True)
class Step:
    """One skill on one object: what becomes a subgoal."""

    skill: str
    object: str
    place: str | None = None

    @property
    def text(self) -> str:
        """The sentence the policy is told."""
        return subgoal_text(self.skill, self.object, self.place)

    @property
    def question(self) -> str:
        """The yes/no question that decides whether the step is reached."""
        return subgoal_question(self.skill, self.object, self.place)

    @property
    def approached(self) -> str:
        """What the hand goes to: the place of what it holds, otherwise the object."""
        return self.place if self.skill in ("place", "stack") and self.place else self.object


def expand(clauses: Sequence[Clause], present: Sequence[str]) -> tuple[Step, ...]:
    """Return the steps that carry the clauses out, in order.

    "All" and "the rest" follow the order of ``present``; "the rest" are the movable objects that no earlier clause
    has named. A clause that finds nothing left for "the rest" adds no step.

    Args:
        clauses: what ``parse`` has read.
        present: phrases of the objects on the table: ``red cube``, ``bowl``, ``button``.

    Raises:
        InstructionError: an object is not there, could be several ones, or the steps contradict each other.
    """
    state = _Expansion(tuple(present))
    for index, clause in enumerate(clauses):
        following = clauses[index + 1] if index + 1 < len(clauses) else None
        state.add(clause, following)
    return tuple(state.steps)


class _Expansion:
    def __init__(self, present: tuple[str, ...]) -> None:
        self.present = present
        self.steps: list[Step] = []
        self.held: str | None = None
        self.last: tuple[str, ...] = ()
        self.named: set[str] = set()

    def add(self, clause: Clause, following: Clause | None) -> None:
        place = self.place(clause.place)
        objects: list[str] = []
        for selector in clause.objects:
            excluded = {place} if place is not None else set()
            objects += [phrase for phrase in self.resolve(selector, excluded) if phrase not in objects]
        for phrase in objects:
            if (phrase == BUTTON) != (clause.skill == "press"):
                raise InstructionError(f"the {phrase} cannot be the object of {clause.skill!r}")
        match clause.skill:
            case "pick":
                self.pick(objects, following)
            case "place" | "stack":
                self.put(clause.skill, objects, place)
            case "push" | "press":
                for phrase in objects:
                    self.free_hand(f"{clause.skill} the {phrase}")
                    self.steps.append(Step(clause.skill, phrase, place))
        self.last = tuple(objects) or self.last
        self.named.update(objects)
        if place is not None:
            self.named.add(place)

    def pick(self, objects: list[str], following: Clause | None) -> None:
        if (
            following is not None
            and following.skill in ("place", "stack")
            and all(selector.quantity in ("it", "them") for selector in following.objects)
        ):
            if len(objects) == 1 and self.held not in (None, *objects):
                self.free_hand(f"pick up the {objects[0]}")
            return
        if len(objects) > 1:
            raise InstructionError(
                f"only one object can be held at a time, not {_listed(objects, 'and')}: say where to put each"
            )
        for phrase in objects:
            if self.held != phrase:
                self.free_hand(f"pick up the {phrase}")
                self.steps.append(Step("pick", phrase))
                self.held = phrase

    def put(self, skill: str, objects: list[str], place: str | None) -> None:
        if skill == "stack" and len(objects) > 1:
            raise InstructionError(f"only one object fits on the {place}, not {_listed(objects, 'and')}")
        if self.held in objects:
            objects.sort(key=lambda phrase: phrase != self.held)
        for phrase in objects:
            if phrase == place:
                raise InstructionError(f"the {phrase} cannot be put on itself")
            if self.held != phrase:
                self.free_hand(f"pick up the {phrase}")
                self.steps.append(Step("pick", phrase))
            self.steps.append(Step(skill, phrase, place))
            self.held = None

    def free_hand(self, action: str) -> None:
        if self.held is not None:
            raise InstructionError(f"cannot {action} while holding the {self.held}: say first where to put it")

    def place(self, place: Selector | str | None) -> str | None:
        if place is None or isinstance(place, str):
            return place
        found = self.resolve(place, set())
        if len(found) != 1:
            raise InstructionError(f"{place} is not one place: {_listed(found, 'or')}")
        return found[0]

    def resolve(self, selector: Selector, excluded: set[str]) -> list[str]:
        """Return the phrases that a selector stands for; ``excluded`` matters to quantities other than "the"."""
        if selector.quantity in ("it", "them"):
            return self.antecedent(selector.quantity)
        found = [phrase for phrase in self.present if _matches(selector, phrase)]
        if not found:
            seen = _listed(self.present, "and") if self.present else "nothing"
            raise InstructionError(f"there is no {_singular(selector)} on the table. Seen: {seen}")
        for exception in selector.excluding:
            excluded = excluded | set(self.resolve(exception, set()))
        match selector.quantity:
            case "the":
                if len(found) > 1:
                    raise InstructionError(
                        f"'the {selector}' could be {_listed(found, 'or')}: name its colour"
                        if selector.colour is None
                        else f"'the {selector}' could be {_listed(found, 'or')}: name its shape"
                    )
                return found
            case "a":
                count = selector.count or 1
                candidates = [phrase for phrase in found if phrase not in excluded]
                candidates.sort(key=lambda phrase: phrase in self.named)
                if len(candidates) < count:
                    raise InstructionError(f"there are not {count} {_singular(selector)}s: {_listed(found, 'and')}")
                return candidates[:count]
            case "all":
                found = [phrase for phrase in found if phrase not in excluded]
                if not found or (selector.count is not None and len(found) != selector.count):
                    wanted = selector.count or "any other"
                    raise InstructionError(
                        f"there are not {wanted} {selector} on the table. Seen: {_listed(self.present, 'and')}"
                    )
                return found
            case "rest":
                return [phrase for phrase in found if phrase not in excluded | self.named]

    def antecedent(self, pronoun: str) -> list[str]:
        if not self.last:
            raise InstructionError(f"{pronoun!r} refers to nothing: name the object")
        if (pronoun == "it") != (len(self.last) == 1):
            raise InstructionError(f"{pronoun!r} does not fit {_listed(self.last, 'and')}: name the object")
        return list(self.last)


def _matches(selector: Selector, phrase: str) -> bool:
    colour, kind = split_phrase(phrase)
    if selector.kind is None and phrase not in MOVABLES:
        return False
    return selector.kind in (None, kind) and selector.colour in (None, colour)


def _singular(selector: Selector) -> str:
    return f"{selector.colour or ''} {selector.kind or 'object'}".strip()


def _listed(phrases: Sequence[str], conjunction: str) -> str:
    return f" {conjunction} ".join([", ".join(phrases[:-1]), phrases[-1]] if len(phrases) > 1 else phrases)
