"""Ways to name an object without its colour that fit no other object."""

from __future__ import annotations

from itertools import permutations

from envs.tabletop.questions.facts import GRIPPER, TABLE, Facts, Thing
from vla.language import CONTAINERS, PREPOSITIONS, SHAPES

ASIDE = 0.04
"""How much further in a direction one thing must be than another to be said to be there [m]."""


def direction(thing: Thing, other: Thing, axis: str) -> str | None:
    """Return where a thing is as seen from another one, in the front camera's picture; None near the boundary.

    Args:
        thing: what is located.
        other: what it is compared with.
        axis: ``across``: ``left`` or ``right``; ``depth``: ``in front`` (nearer to the camera) or ``behind``.
    """
    if thing.box is None or other.box is None:
        return None
    x, y, _ = thing.position - other.position
    if axis == "depth":
        return None if abs(x) < ASIDE else "in front" if x > 0 else "behind"
    apparent = thing.box.center[0] - other.box.center[0]
    if abs(y) < ASIDE or y * apparent <= 0:  # which perspective can turn around
        return None
    return "right" if y > 0 else "left"


def standing(now: Facts) -> list[Thing]:
    """Return what stands on the table itself, well visible, with nothing on it that could be meant instead."""
    return [thing for thing in now.things if thing.place == TABLE and thing.seen]


def references(now: Facts) -> list[tuple[str, Thing]]:
    """Return noun phrases with ``the`` and the only movable that each can mean."""
    if not now.settled or any(not thing.seen for thing in now.movables):
        return []
    found: list[tuple[str, Thing]] = []
    for shape in SHAPES:
        same = [thing for thing in now.movables if thing.kind == shape]
        if len(same) == 1:
            found.append((f"the {shape}", same[0]))
        found += [(f"the {shape} {where}", thing) for where, thing in _beside(now, same)]
    for container in CONTAINERS:
        inside = now.at(container)
        if len(inside) == 1:
            found.append((f"the object {PREPOSITIONS[container]} the {container}", inside[0]))
            found.append((f"the {inside[0].kind} {PREPOSITIONS[container]} the {container}", inside[0]))
    if now.held is not None and now.held.seen:
        found.append(("the object in the gripper", now.held))
    return found


def _beside(now: Facts, same: list[Thing]) -> list[tuple[str, Thing]]:
    """Return "left of the bowl" and the like with the one object of a shape that is there, if it is clear for all."""
    found: list[tuple[str, Thing]] = []
    if any(thing.place == GRIPPER for thing in same) or len(same) < 2:
        return found
    for anchor, wanted in permutations([*now.containers, *same], 2):
        if anchor in same or wanted not in same or not anchor.seen:
            continue
        sides = {thing.phrase: direction(thing, anchor, "across") for thing in same}
        side = sides[wanted.phrase]
        if None not in sides.values() and list(sides.values()).count(side) == 1 and wanted.place == TABLE:
            found.append((f"{side} of the {anchor.phrase}", wanted))
    return found
