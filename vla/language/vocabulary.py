"""What can be talked about, and the one sentence in which each skill is told to a policy."""

from __future__ import annotations

from vla.errors import UnknownNameError

SKILLS = ("pick", "place", "stack", "push", "press")
COLOURS = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink")
SHAPES = ("cube", "cylinder")
MOVABLES = tuple(f"{colour} {shape}" for colour in COLOURS for shape in SHAPES)
CONTAINERS = ("bowl", "plate", "box")
BUTTON = "button"
DIRECTIONS = ("left", "right", "front", "back")
PREPOSITIONS = {"bowl": "in", "box": "in", "plate": "on"}


def split_phrase(phrase: str) -> tuple[str | None, str]:
    """Return (colour, kind) of an object's phrase: ``red cube`` -> (red, cube), ``bowl`` -> (None, bowl).

    Raises:
        UnknownNameError: the phrase is not one of an object.
    """
    if phrase in MOVABLES:
        colour, shape = phrase.split()
        return colour, shape
    if phrase in (*CONTAINERS, BUTTON):
        return None, phrase
    raise UnknownNameError("object", phrase, (*MOVABLES, *CONTAINERS, BUTTON))


def subgoal_text(skill: str, object: str, place: str | None = None) -> str:
    """Return the sentence the policy is told, e.g. ``place the red cube in the bowl``.

    Raises:
        UnknownNameError: no such skill, or a place that does not fit it.
    """
    match skill:
        case "pick":
            return f"pick up the {object}"
        case "place":
            return f"place the {object} {PREPOSITIONS[_checked('container', place, CONTAINERS)]} the {place}"
        case "stack":
            return f"stack the {object} on the {_checked('base of a stack', place, MOVABLES)}"
        case "push":
            return f"push the {object} to the {_checked('direction', place, DIRECTIONS)}"
        case "press":
            return f"press the {object}"
    raise UnknownNameError("skill", skill, SKILLS)


def subgoal_question(skill: str, object: str, place: str | None = None) -> str:
    """Return the yes/no question that decides whether the subgoal is reached.

    Raises:
        UnknownNameError: no such skill, or a place that does not fit it.
    """
    match skill:
        case "pick":
            return f"is the {object} in the gripper?"
        case "place":
            return f"is the {object} {PREPOSITIONS[_checked('container', place, CONTAINERS)]} the {place}?"
        case "stack":
            return f"is the {object} on the {_checked('base of a stack', place, MOVABLES)}?"
        case "push":
            return f"has the {object} moved to the {_checked('direction', place, DIRECTIONS)}?"
        case "press":
            return f"has the {object} been pressed?"
    raise UnknownNameError("skill", skill, SKILLS)


def _checked(kind: str, name: str | None, valid: tuple[str, ...]) -> str:
    if name not in valid:
        raise UnknownNameError(kind, str(name), valid)
    return name
