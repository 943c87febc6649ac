"""More ways to give an instruction of the training split: other verbs, joints between clauses, and manners.

A model that has read few verbs takes a new one for something that it cannot do. None of the wordings that are held out
for the test split is made here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from envs.tabletop.questions.drawing import Draw

_START = r"(?:^|(?<=, )|(?<=\. )|(?<=then )|(?<=and )|(?<=first ))"
"""Where a clause begins."""
_VERBS: tuple[tuple[str, Sequence[str]], ...] = (
    (
        r"(?:press|push)(?= the button)",
        (
            "press", "push", "tap", "click", "touch", "poke", "activate", "trigger", "push down on", "press down on",
            "use", "operate", "ring", "go for", "turn on", "smack", "bump", "strike", "slap", "bang on", "whack",
            "knock on", "thump", "bash",
        ),
    ),
    (
        r"(?:pick up|grab|lift)(?! the \S+ \S+ and| the \S+ and| it)",
        (
            "pick up", "grab", "lift", "lift up", "get", "fetch", "seize", "hold", "raise", "collect", "grab hold of",
            "get hold of", "gather up", "retrieve", "catch", "carry", "pinch", "clasp", "elevate", "pick",
        ),
    ),
    (
        r"(?:push|slide)(?= the .* to the (?:left|right|front|back))",
        (
            "push", "slide", "nudge", "shift", "scoot", "move", "drag", "sweep", "press", "budge", "thrust", "steer",
            "displace",
        ),
    ),
    (r"stack", ("stack", "pile", "balance", "put", "place", "pile up", "mount", "lay", "rest", "position")),
    (
        r"(?:put|place|move)",
        (
            "put", "place", "move", "lay", "deposit", "leave", "store", "stick", "get", "position", "pop", "stow",
            "deliver", "insert", "relocate", "bring", "tuck", "park", "sort", "rest",
        ),
    ),
)  # fmt: skip
_CLAUSES = tuple((re.compile(_START + pattern), others) for pattern, others in _VERBS)
_JOINTS = (", then ", " and then ", ". Next, ", ", and next ", "; afterwards ", ", and finally ", ". Once done, ")
_JOINT = re.compile(r", then | and then ")
_BEFORE = (
    "please ", "can you ", "would you ", "I want you to ", "now ", "robot, ", "you should ", "go ahead and ",
    "I would like you to ", "try to ", "kindly ", "time to ", "your job is to ", "next, ", "will you ",
    "we need you to ",
)  # fmt: skip
_BEHIND = (" please", ", please", " now", " for me", " gently", ", thanks", " right away", "!", ".", " if you can")
_NO_COMMAND = re.compile(r"(?:all|every|everything|whatever|what|each|the|apart|I|could|would|can|please)\b")
"""How wordings begin that stand no manners in front of them."""


def reword(text: str, draw: Draw) -> str:
    """Return an instruction in other words; one of the test split as it is."""
    if draw.split == "test":
        return text
    return _framed(_joined(_with_other_verbs(text, draw), draw), draw, polite=_NO_COMMAND.match(text) is None)


def _with_other_verbs(text: str, draw: Draw) -> str:
    """Return a text with other verbs in the clauses of one skill."""
    for pattern, others in _CLAUSES:
        if draw.chance(0.7) and pattern.search(text):
            return pattern.sub(partial(_one_of, others, draw), text)
    return text


def _one_of(options: Sequence[str], draw: Draw, _: re.Match[str]) -> str:
    return draw.one(options)


def _joined(text: str, draw: Draw) -> str:
    return _JOINT.sub(lambda _: draw.one(_JOINTS), text) if draw.chance(0.6) else text


def _framed(text: str, draw: Draw, *, polite: bool) -> str:
    """Return an instruction with manners behind it, and if that is possible in front of it."""
    if polite and draw.chance(0.4):
        text = draw.one(_BEFORE) + text
    return text + draw.one(_BEHIND) if text[-1].isalnum() and draw.chance(0.25) else text
