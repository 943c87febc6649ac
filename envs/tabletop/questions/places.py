"""Where things are, as boxes in the front camera."""

from __future__ import annotations

from envs.tabletop.questions.descriptions import absent_phrase
from envs.tabletop.questions.drawing import Draw, Wordings, ask
from envs.tabletop.questions.moments import Moment
from envs.tabletop.questions.references import references
from vla.vlm.examples import Question
from vla.vlm.grounding import ABSENT
from vla.vlm.prompts import BOX

WHERE = Wordings(
    ("Where is {thing}?", "Locate {thing}.", "Box of {thing}?", "Find {thing}."),
    ("Point out {thing}.", "Show me {thing}.", "What is the position of {thing}?"),
)


def groundings(moment: Moment, draw: Draw) -> list[Question]:
    """Return up to two questions about what is there, and sometimes one about what is not."""
    now = moment.now
    found: list[Question] = []
    seen = [thing for thing in now.things if thing.seen]
    named = [(f"the {thing.phrase}", thing) for thing in draw.some(seen, 2)]
    indirect = references(now)
    if indirect and draw.chance(0.4):
        named[-1:] = [draw.one(indirect)]
    for text, thing in named:
        assert thing.box is not None
        truth = {"phrase": thing.phrase}
        found.append(ask("grounding", draw.words(WHERE, thing=text), BOX, truth, boxes=(thing.box,), rejected=ABSENT))
    if draw.chance(0.35):
        phrase = absent_phrase(now, draw)
        found.append(ask("grounding", draw.words(WHERE, thing=f"the {phrase}"), ABSENT, {"phrase": phrase}))
    return found
