"""Captions, whether something is there, and its colour."""

from __future__ import annotations

from envs.tabletop.questions.drawing import Draw, Wordings, a, ask, listed
from envs.tabletop.questions.facts import GRIPPER, TABLE, UNCLEAR, Facts, Thing
from envs.tabletop.questions.moments import Moment
from envs.tabletop.questions.references import references
from vla.language import BUTTON, COLOURS, CONTAINERS, PREPOSITIONS, SHAPES
from vla.vlm.examples import Question
from vla.vlm.prompts import NO, YES

CAPTION = Wordings(
    ("Describe the picture.", "What do you see?", "Describe the scene in one sentence.", "What is on the table?"),
    ("Write a caption for this picture.", "Tell me what is in front of the robot."),
)
EXISTS = Wordings(
    (
        "Is there {thing}?",
        "Do you see {thing}?",
        "Is {thing} there?",
        "Is there {thing} in the picture?",
    ),
    ("Can you see {thing}?", "Does the picture show {thing}?"),
)
COLOUR = Wordings(
    ("What colour is {reference}?", "Which colour does {reference} have?", "Name the colour of {reference}."),
    ("Tell me the colour of {reference}.", "{reference}: which colour?"),
)


def captions(moment: Moment, draw: Draw) -> list[Question]:
    """Return one question whose answer names what can be seen, from left to right, and what is held."""
    now = moment.now
    seen = [thing for thing in now.things if not thing.hidden]
    standing = [thing for thing in seen if thing.place != GRIPPER]
    if not standing or not all(thing.seen for thing in standing) or not now.settled or draw.chance(0.4):
        return []
    phrases = [a(_described(thing)) for thing in standing]
    sentence = f"{listed(phrases)} {'are' if len(phrases) > 1 else 'is'} on the table"
    if now.held is not None:
        sentence += f", and the gripper holds {a(now.held.phrase)}"
    truth = {"phrases": [thing.phrase for thing in seen]}
    return [ask("caption", draw.words(CAPTION), f"{sentence[0].upper()}{sentence[1:]}.", truth)]


def _described(thing: Thing) -> str:
    if thing.place in (TABLE, GRIPPER, UNCLEAR):
        return thing.phrase
    return f"{thing.phrase} {PREPOSITIONS.get(thing.place, 'on')} the {thing.place}"


def absent_phrase(now: Facts, draw: Draw) -> str:
    """Return something that is not there, mostly in the colour or the shape of something that is."""
    movable = [thing for thing in now.movables if thing.seen]
    absent: list[str] = []
    if movable:
        thing = draw.one(movable)
        same_colour = [f"{thing.colour} {shape}" for shape in SHAPES]
        same_shape = [f"{colour} {thing.kind}" for colour in draw.some(COLOURS, 8)]
        absent = same_colour + same_shape if draw.chance(0.5) else same_shape + same_colour
    if not movable or draw.chance(0.2):
        absent = [*draw.some((*CONTAINERS, BUTTON), 4), *absent, *(f"{colour} cube" for colour in COLOURS)]
    return next(phrase for phrase in absent if phrase not in now.phrases)


def existence(moment: Moment, draw: Draw) -> list[Question]:
    """Return one question about something that is there and one about something that is not, or only one of them."""
    seen = [thing.phrase for thing in moment.now.things if thing.seen]
    there = [(draw.one(seen), True)] if seen else []
    asked = draw.some([*there, (absent_phrase(moment.now, draw), False)], 1 if draw.chance(0.5) else 2)
    return [
        ask(
            "existence",
            draw.words(EXISTS, thing=a(phrase)),
            YES if present else NO,
            {"yes": present},
            rejected=NO if present else YES,
        )
        for phrase, present in asked
    ]


def colours(moment: Moment, draw: Draw) -> list[Question]:
    """Return a question about the colour of something that is named without it."""
    found = [(text, thing) for text, thing in references(moment.now) if thing.colour]
    if not found or draw.chance(0.3):
        return []
    text, thing = draw.one(found)
    others = [other.colour for other in moment.now.movables if other.colour != thing.colour] or [
        colour for colour in COLOURS if colour != thing.colour
    ]
    prompt = draw.words(COLOUR, reference=text)
    assert thing.colour is not None
    truth = {"answer": thing.colour}
    return [ask("colour", prompt[0].upper() + prompt[1:], thing.colour, truth, rejected=str(draw.one(others)))]
