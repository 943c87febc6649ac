"""How many things of a kind there are."""

from __future__ import annotations

from collections import defaultdict

from envs.tabletop.questions.drawing import Draw, Wordings, ask
from envs.tabletop.questions.facts import Facts
from envs.tabletop.questions.moments import Moment
from vla.language import COLOURS, PREPOSITIONS, SHAPES
from vla.vlm.examples import Question

COUNT = Wordings(
    (
        "How many {things} are there?",
        "How many {things} do you see?",
        "Count the {things}.",
        "How many {things} are here?",
        "Tell me how many {things} there are.",
        "Give the number of {things}.",
        "How many {things} does the picture show?",
        "{things}: how many?",
    ),
    ("What is the number of {things}?", "How many {things} can you see?"),
)


def counts(moment: Moment, draw: Draw) -> list[Question]:
    """Return a question whose answer is drawn first, so that large and small numbers are asked for alike."""
    if not moment.now.settled or any(not thing.seen for thing in moment.now.things):
        return []
    by_number: dict[int, list[str]] = defaultdict(list)
    for things, number in countable(moment.now).items():
        by_number[number].append(things)
    numbers = sorted(by_number)
    number = max(draw.one(numbers), draw.one(numbers))  # large numbers are rare on a table
    if number > 6:
        return []
    wrong = draw.one([other for other in (number - 1, number + 1) if other >= 0])
    prompt = draw.words(COUNT, things=draw.one(by_number[number]))
    return [ask("count", prompt, str(number), {"count": number}, rejected=str(wrong))]


def countable(now: Facts) -> dict[str, int]:
    """Return what can be counted, as a plural noun phrase, and how many there are."""
    movables = now.movables
    found = {"cubes and cylinders": len(movables), "containers": len(now.containers)}
    for shape in SHAPES:
        found[f"{shape}s"] = sum(thing.kind == shape for thing in movables)
    for colour in COLOURS:
        found[f"{colour} objects"] = sum(thing.colour == colour for thing in movables)
    for container in now.containers:
        name = container.phrase
        found[f"objects {PREPOSITIONS[name]} the {name}"] = len(now.at(name))
    return found
