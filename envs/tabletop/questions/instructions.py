"""Instructions that are given at a moment, most of which need the picture to be understood.

Sets of objects are dealt with from left to right in the front camera.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

from envs.tabletop.questions.drawing import Draw, Wordings, has_held_out
from envs.tabletop.questions.facts import GRIPPER, TABLE, Facts, Thing
from envs.tabletop.questions.moments import Moment, can_be_told
from envs.tabletop.questions.references import references
from vla.language import BUTTON, CONTAINERS, DIRECTIONS, PREPOSITIONS, SHAPES, Step


@dataclass(frozen=True)
class Instruction:
    """Words, and the steps that they ask for in the present state."""

    family: str
    text: str
    steps: tuple[Step, ...]
    rejected: str = ""
    """What somebody would begin with who reads the words without looking."""
    done: tuple[Step, ...] = ()
    """Steps that somebody may have taken who is midway: their outcome holds."""


RECALLED = "recalled"
"""Family of the instructions that name a thing by where it was."""
OTHERS = Wordings(
    (
        "put everything that is not {colour} {place}",
        "put all the objects that are not {colour} {place}",
        "put everything other than the {colour} ones {place}",
        "whatever is not {colour} goes {place}",
        "apart from the {colour} ones, put everything {place}",
        "leave the {colour} ones and put the rest {place}",
        "put all but the {colour} objects {place}",
        "every object that isn't {colour} should be {place}",
    ),
    ("put all objects except the {colour} ones {place}", "everything but the {colour} things goes {place}"),
)
ALL = Wordings(
    (
        "put all the {shape}s {place}",
        "put every {shape} {place}",
        "all the {shape}s go {place}",
        "put each {shape} {place}",
        "every {shape} goes {place}",
        "put all of the {shape}s {place}",
        "the {shape}s should all be {place}",
        "I want the {shape}s {place}",
    ),
    ("place all {shape}s {place}", "each {shape} belongs {place}"),
)
EVERYTHING = Wordings(
    (
        "put everything {place}",
        "put all the objects {place}",
        "put all things {place}",
        "all the objects go {place}",
        "every object should be {place}",
        "empty the table: put everything {place}",
        "tidy up: all objects go {place}",
    ),
    ("clear the table: everything goes {place}",),
)
PICK = Wordings(
    ("pick up {thing}", "grab {thing}", "lift {thing}"),
    ("take {thing}", "could you grasp {thing}"),
)
PUT = Wordings(
    (
        "put {thing} {place}",
        "place {thing} {place}",
        "pick up {thing} and place it {place}",
        "{thing} goes {place}",
        "I want {thing} {place}",
        "{thing} should be {place}",
    ),
    ("drop {thing} {place}", "please set {thing} {place}"),
)
MOVE = Wordings(
    (
        "put what is {where} {place}",
        "move what is {where} to the {container}",
        "move everything from the {source} to the {container}",
        "what lies {where} goes {place}",
        "put the things that are {where} {place}",
        "empty the {source}: its content goes {place}",
    ),
    ("whatever is {where} belongs {place}", "transfer the content of the {source} to the {container}"),
)
PRESS = Wordings(("press the button", "push the button"), ("hit the button", "could you press the button"))
STACK = Wordings(
    ("stack {thing} on {base}", "put {thing} on top of {base}", "place {thing} on {base}", "{thing} goes on {base}"),
    ("set {thing} on top of {base}", "please stack {thing} on top of {base}"),
)
PUSH = Wordings(
    ("push {thing} to the {direction}", "slide {thing} to the {direction}"), ("shove {thing} to the {direction}",)
)


def instructions(moment: Moment, draw: Draw) -> list[Instruction]:
    """Return what can be asked for now; for the test split what is held out, if there is any."""
    now = moment.now
    families = (_others, _all_of_a_shape, _everything, _by_reference, _by_colour, _contents, _plain, _pushes, _stacks)
    found = [
        instruction
        for offered in (*(family(now, draw) for family in families), _by_where_it_was(moment, draw))
        for instruction in offered
        if draw.allows(instruction.steps) and can_be_told(moment, instruction.steps)
    ]
    kept = [instruction for instruction in found if has_held_out(instruction.steps)] if draw.split == "test" else []
    return kept or found


def put(things: Sequence[Thing], container: str) -> tuple[Step, ...]:
    """Return the steps that put things into a container where they are not yet, what is in the hand first."""
    rest = sorted((thing for thing in things if thing.place != container), key=lambda thing: thing.place != GRIPPER)
    return tuple(step for thing in rest for step in _carry(thing, container))


def have_put(things: Sequence[Thing], container: str) -> tuple[Step, ...]:
    """Return the steps that have brought things into a container where they are, and one of them into the hand."""
    there = tuple(step for thing in things if thing.place == container for step in _carry(thing, container))
    return (*there, *(Step("pick", thing.phrase) for thing in things if thing.place == GRIPPER))


def _carry(thing: Thing, container: str) -> tuple[Step, Step]:
    return Step("pick", thing.phrase), Step("place", thing.phrase, container)


def _put_set(family: str, text: str, things: Sequence[Thing], container: Thing, rejected: str) -> Instruction:
    steps, done = put(things, container.phrase), have_put(things, container.phrase)
    return Instruction(family, text, steps, rejected, done)


def into(container: str) -> str:
    """Return e.g. ``in the bowl``."""
    return f"{PREPOSITIONS[container]} the {container}"


def _others(now: Facts, draw: Draw) -> Iterator[Instruction]:
    for colour in sorted({thing.colour or "" for thing in now.movables}):
        same = [thing for thing in now.movables if thing.colour == colour]
        rest = [thing for thing in now.movables if thing.colour != colour]
        for container in now.containers if rest else ():
            text = draw.words(OTHERS, colour=colour, place=into(container.phrase))
            yield _put_set("others", text, rest, container, Step("pick", same[0].phrase).text)


def _all_of_a_shape(now: Facts, draw: Draw) -> Iterator[Instruction]:
    for shape in SHAPES:
        same = [thing for thing in now.movables if thing.kind == shape]
        rest = [thing for thing in now.movables if thing.kind != shape]
        for container in now.containers if same else ():
            text = draw.words(ALL, shape=shape, place=into(container.phrase))
            yield _put_set("all", text, same, container, _pick_one(rest, draw))


def _everything(now: Facts, draw: Draw) -> Iterator[Instruction]:
    for container in now.containers if len(now.movables) > 1 else ():
        inside = [thing for thing in now.movables if thing.place == container.phrase]
        text = draw.words(EVERYTHING, place=into(container.phrase))
        yield _put_set("everything", text, now.movables, container, _pick_one(inside, draw))


def _by_reference(now: Facts, draw: Draw) -> Iterator[Instruction]:
    for text, thing in references(now):
        if thing.place == GRIPPER:
            continue
        named = text.replace("the object", "the one") if draw.chance(0.5) else text
        others = [other for other in now.movables if other is not thing]
        rejected = _pick_one([other for other in others if other.kind == thing.kind] or others, draw)
        yield from _pick_or_put("reference", named, thing, now, draw, rejected)


def _by_where_it_was(moment: Moment, draw: Draw) -> Iterator[Instruction]:
    """What is in the hand, by where it was when the subgoal began: only who is told what is done can follow."""
    held = moment.now.held
    if held is not None:
        for text, thing in references(moment.before):
            if thing.phrase == held.phrase and thing.place != GRIPPER:
                yield from _pick_or_put(RECALLED, text, held, moment.now, draw, "")


def _by_colour(now: Facts, draw: Draw) -> Iterator[Instruction]:
    for thing in now.movables:
        if [other.colour for other in now.movables].count(thing.colour) == 1:
            others = [other for other in now.movables if other is not thing]
            yield from _pick_or_put("colour", f"the {thing.colour} one", thing, now, draw, _pick_one(others, draw))


def _contents(now: Facts, draw: Draw) -> Iterator[Instruction]:
    for source in now.containers:
        inside = list(now.at(source.phrase))
        rest = [thing for thing in now.movables if thing.place == TABLE]
        for target in now.containers if inside else ():
            if target is not source:
                slots = {"where": into(source.phrase), "source": source.phrase}
                slots |= {"place": into(target.phrase), "container": target.phrase}
                text = draw.words(MOVE, **slots)
                yield Instruction("contents", text, put(inside, target.phrase), _pick_one(rest, draw))


def _plain(now: Facts, draw: Draw) -> Iterator[Instruction]:
    for thing in now.movables:
        others = [other for other in now.movables if other is not thing]
        rejected = _pick_one(others, draw)
        yield from _pick_or_put("plain", f"the {thing.phrase}", thing, now, draw, rejected)
    if BUTTON in now.phrases:
        yield Instruction("plain", draw.words(PRESS), (Step("press", BUTTON),), _pick_one(list(now.movables), draw))


def _pushes(now: Facts, draw: Draw) -> Iterator[Instruction]:
    for thing in now.movables:
        if thing.place == TABLE:
            direction = draw.one(DIRECTIONS)
            text = draw.words(PUSH, thing=f"the {thing.phrase}", direction=direction)
            rejected = _pick_one([other for other in now.movables if other is not thing], draw)
            yield Instruction("push", text, (Step("push", thing.phrase, direction),), rejected)


def _stacks(now: Facts, draw: Draw) -> Iterator[Instruction]:
    for thing, base in permutations(now.movables, 2):
        if thing.place == base.place == TABLE and not now.at(base.phrase):
            text = draw.words(STACK, thing=f"the {thing.phrase}", base=f"the {base.phrase}")
            steps = (Step("pick", thing.phrase), Step("stack", thing.phrase, base.phrase))
            yield Instruction("stack", text, steps, Step("pick", base.phrase).text)


def _pick_or_put(family: str, named: str, thing: Thing, now: Facts, draw: Draw, rejected: str) -> Iterator[Instruction]:
    container = draw.one(now.containers).phrase if now.containers and draw.chance(0.5) else ""
    if container in CONTAINERS and not (thing.place == container and family == "reference"):
        text = draw.words(PUT, thing=named, place=into(container))
        yield Instruction(family, text, put([thing], container), rejected, have_put([thing], container))
    else:
        pick = (Step("pick", thing.phrase),)
        done = pick if thing.place == GRIPPER else ()
        yield Instruction(family, draw.words(PICK, thing=named), pick, rejected, done)


def _pick_one(things: list[Thing], draw: Draw) -> str:
    return Step("pick", draw.one(things).phrase).text if things else ""
