"""Left, right, in front, behind: as the front camera sees it."""

from __future__ import annotations

from itertools import permutations

from envs.tabletop.questions.drawing import Draw, Wordings, ask
from envs.tabletop.questions.moments import Moment
from envs.tabletop.questions.references import direction, standing
from vla.vlm.examples import Question
from vla.vlm.prompts import NO, YES

OPPOSITE = {"left": "right", "right": "left", "in front": "behind", "behind": "in front"}
OF = {"left": "to the left of", "right": "to the right of", "in front": "in front of", "behind": "behind"}
EITHER = {
    "across": Wordings(
        (
            "Is the {a} left or right of the {b}?",
            "On which side of the {b} is the {a}, left or right?",
            "Left or right: where is the {a}, seen from the {b}?",
            "Is the {a} to the left or to the right of the {b}?",
            "Compared with the {b}, is the {a} left or right?",
            "Which side of the {b} is the {a} on, left or right?",
        ),
        ("Does the {a} stand left or right of the {b}?", "Is the {a} on the left or on the right of the {b}?"),
    ),
    "depth": Wordings(
        (
            "Is the {a} in front of or behind the {b}?",
            "Is the {a} behind the {b} or in front of it?",
            "In front or behind: where is the {a}, seen from the {b}?",
            "Is the {a} nearer than the {b}, so in front, or behind it?",
            "Compared with the {b}, is the {a} in front or behind?",
            "Behind or in front: where is the {a}, seen from the {b}?",
        ),
        ("Does the {a} stand behind or in front of the {b}?",),
    ),
}
WHETHER = Wordings(
    (
        "Is the {a} {where} the {b}?",
        "Is it true that the {a} is {where} the {b}?",
        "Can the {a} be found {where} the {b}?",
        "Do you see the {a} {where} the {b}?",
        "The {a} is {where} the {b}: true?",
    ),
    ("Does the {a} stand {where} the {b}?", "Would you say that the {a} is {where} the {b}?"),
)


def relations(moment: Moment, draw: Draw) -> list[Question]:
    """Return a choice between two directions, or a yes/no question; both axes alike, none near a boundary."""
    pairs = {
        axis: [
            (a.phrase, b.phrase, where)
            for a, b in permutations(standing(moment.now), 2)
            if (where := direction(a, b, axis))
        ]
        for axis in EITHER
    }
    axes = [axis for axis in EITHER if pairs[axis]]
    if not axes:
        return []
    axis = draw.one(axes)
    a, b, where = draw.one(pairs[axis])
    if draw.chance(0.6):
        prompt = draw.words(EITHER[axis], a=a, b=b)
        return [ask("relation", prompt, where, {"answer": where, "about": axis}, rejected=OPPOSITE[where])]
    right = draw.chance(0.5)
    prompt = draw.words(WHETHER, a=a, b=b, where=OF[where if right else OPPOSITE[where]])
    answer, wrong = (YES, NO) if right else (NO, YES)
    return [ask("relation", prompt, answer, {"answer": answer, "about": axis}, rejected=wrong)]
