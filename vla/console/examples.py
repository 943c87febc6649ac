"""Instructions to try on what is on the table."""

from __future__ import annotations

from collections.abc import Sequence

from vla.language import BUTTON, CONTAINERS

ANY = ("put the red cube in the bowl", "press the button", "put all the cubes in the bowl")
"""Where nobody knows what is there."""
MOST = 5


def examples(things: Sequence[str]) -> list[str]:
    """Return instructions that can be carried out.

    Args:
        things: phrases of what is on the table; empty if that is not known.
    """
    if not things:
        return list(ANY)
    movable = [thing for thing in things if thing not in CONTAINERS and thing != BUTTON]
    containers = [thing for thing in things if thing in CONTAINERS]
    cubes = [thing for thing in movable if thing.endswith("cube")]
    found = []
    if BUTTON in things:
        found.append(f"press the {BUTTON}")
    if movable and containers:
        found.append(f"put the {movable[0]} {_into(containers[0])}")
    if movable:
        found.append(f"push the {movable[-1]} to the left")
    if len(movable) > 1 and cubes:
        found.append(f"stack the {next(thing for thing in movable if thing != cubes[0])} on the {cubes[0]}")
    if movable and containers and BUTTON in things:
        found.append(f"put the {movable[-1]} {_into(containers[-1])}, then press the {BUTTON}")
    return list(dict.fromkeys(found))[:MOST]


def _into(container: str) -> str:
    return f"{'on' if container == 'plate' else 'in'} the {container}"
