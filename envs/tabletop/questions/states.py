"""What is in what: containers, stacks and the gripper; and whether the button has been pressed."""

from __future__ import annotations

from itertools import permutations

from envs.tabletop.questions.drawing import Draw, Wordings, ask, held_out, listed
from envs.tabletop.questions.facts import GRIPPER
from envs.tabletop.questions.moments import Moment
from vla.language import BUTTON, PREPOSITIONS
from vla.vlm.examples import Question
from vla.vlm.prompts import NO, YES

WHETHER = Wordings(
    (
        "Is the {a} {on} the {b}?",
        "Does the {a} lie {on} the {b}?",
        "Is the {a} now {on} the {b}?",
        "Do you see the {a} {on} the {b}?",
        "Is the {a} lying {on} the {b}?",
        "Has somebody put the {a} {on} the {b}?",
        "Is the {a} still {on} the {b}?",
        "The {a} is {on} the {b}, isn't it?",
    ),
    ("Can the {a} be found {on} the {b}?", "Has the {a} been put {on} the {b}?"),
)
CONTENT = Wordings(
    (
        "What is {on} the {b}?",
        "Which objects are {on} the {b}?",
        "What lies {on} the {b}?",
        "What is there {on} the {b}?",
        "Tell me what is {on} the {b}.",
        "Which object is {on} the {b}?",
        "List what lies {on} the {b}.",
        "What do you see {on} the {b}?",
        "What has been put {on} the {b}?",
    ),
    ("Name what is {on} the {b}.", "Which things can be found {on} the {b}?"),
)
HOLDS = Wordings(
    (
        "Is the gripper holding something?",
        "Is something in the gripper?",
        "Does the robot hold an object?",
        "Is there anything in the gripper?",
        "Does the gripper hold something?",
        "Is the gripper carrying anything?",
        "Has the robot got something in its gripper?",
        "Is an object in the gripper?",
        "Is the robot carrying something?",
        "Is the gripper full?",
        "Has the robot picked something up?",
        "Are the jaws holding an object?",
    ),
    ("Is the hand holding anything?", "Has the gripper grasped something?"),
)
HELD = Wordings(
    (
        "What is the gripper holding?",
        "What is in the gripper?",
        "Which object does the robot hold?",
        "What does the robot carry?",
        "Name the object in the gripper.",
        "What has the robot picked up?",
        "Which object is in the gripper?",
        "What is between the jaws?",
        "What does the gripper hold?",
        "Tell me what the gripper holds.",
    ),
    ("What is in the robot's hand?", "Which object has been grasped?"),
)
LIT = Wordings(
    (
        "Has the button been pressed?",
        "Is the button lit?",
        "Is the button's light on?",
        "Is the button on?",
        "Does the button shine?",
        "Was the button pressed?",
        "Has anyone pushed the button?",
        "Is the button's lamp on?",
    ),
    ("Did somebody press the button?", "Does the button glow?"),
)


def states(moment: Moment, draw: Draw) -> list[Question]:
    """Return one or two questions."""
    families = (_whether, _content, _gripper, _gripper, _button)
    found = [question for family in draw.some(families, len(families)) if (question := family(moment, draw))]
    return found[: 1 if draw.chance(0.5) else 2]


def _whether(moment: Moment, draw: Draw) -> Question | None:
    now = moment.now
    seen = [thing for thing in now.things if thing.seen]
    pairs = [
        (a, b)
        for a, b in permutations(seen, 2)
        if a.movable and b.kind != BUTTON and (draw.split == "test" or not held_out(a.phrase, b.phrase))
    ]
    true = [(a, b) for a, b in pairs if a.place == b.phrase]
    false = [(a, b) for a, b in pairs if a.place != b.phrase and b.place != a.phrase]
    pairs = true if true and (draw.chance(0.5) or not false) else false
    if not pairs or not now.settled:
        return None
    a, b = draw.one(pairs)
    answer, wrong = (YES, NO) if pairs is true else (NO, YES)
    prompt = draw.words(WHETHER, a=a.phrase, b=b.phrase, on=PREPOSITIONS.get(b.phrase, "on"))
    return ask("state", prompt, answer, {"answer": answer}, rejected=wrong)


def _content(moment: Moment, draw: Draw) -> Question | None:
    now = moment.now
    places = [
        thing.phrase for thing in now.things if thing.seen and (thing.kind in PREPOSITIONS or now.at(thing.phrase))
    ]
    if not places or not now.settled or now.hides(*now.phrases):
        return None
    full = [place for place in places if now.at(place)]
    place = draw.one(full if full and draw.chance(0.6) else places)
    answer = listed([thing.phrase for thing in now.at(place)])
    others = [thing.phrase for thing in now.movables if thing.place != place]
    prompt = draw.words(CONTENT, b=place, on=PREPOSITIONS.get(place, "on"))
    return ask("state", prompt, answer, {"answer": answer}, rejected=draw.one(others) if others else "")


def _gripper(moment: Moment, draw: Draw) -> Question | None:
    now = moment.now
    if not now.settled:
        return None
    if draw.chance(0.4):
        answer, wrong = (YES, NO) if now.held else (NO, YES)
        return ask("state", draw.words(HOLDS), answer, {"answer": answer}, rejected=wrong)
    answer = now.held.phrase if now.held else listed([])
    others = [thing.phrase for thing in now.movables if thing.place != GRIPPER]
    wrong = draw.one(others) if others else listed([])
    return ask("state", draw.words(HELD), answer, {"answer": answer}, rejected=wrong)


def _button(moment: Moment, draw: Draw) -> Question | None:
    now = moment.now
    if BUTTON not in now.phrases or not now.thing(BUTTON).seen or (not now.lit and draw.chance(0.7)):
        return None
    answer, wrong = (YES, NO) if now.lit else (NO, YES)
    return ask("state", draw.words(LIT), answer, {"answer": answer}, rejected=wrong)
