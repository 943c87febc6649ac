"""Whether a plan is about what the instruction mentions: a guard against orders that stand in the picture.

An instruction is read as noun phrases: colour, kind, or both. A thing is mentioned if one of them could mean it. Words
that mean things without naming them (all, the rest, next to, the object, tidy up) let anything pass, so that an order
in the picture that is about a thing such an instruction could mean is not noticed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from vla.language import BUTTON, COLOURS, CONTAINERS, MOVABLES, SHAPES, SKILLS, Step
from vla.language.lexer import Token, tokenize
from vla.language.lexicon import ANY, Kind
from vla.planner.phrases import is_phrase

LONGEST_PHRASE = 32
"""Most letters of a phrase, so that a plan with two of them fits its budget."""

LOOSE = frozenset(
    [
        "tidy",
        "clean",
        "clear",
        "sort",
        "arrange",
        "organise",
        "organize",
        "swap",
        "exchange",
        "build",
        "tower",
        "row",
        "line",
        "leftmost",
        "rightmost",
        "topmost",
        "nearest",
        "closest",
        "furthest",
        "farthest",
        "largest",
        "biggest",
        "smallest",
        "same",
        "matching",
        "different",
        "colour",
        "color",
        "food",
        "fruit",
    ]
)
"""Words of instructions that do not name what they are about."""
FIXTURES = (*CONTAINERS, BUTTON)
"""Kinds of which there is one at most; no phrase tells their colour."""
KNOWN = (*MOVABLES, *FIXTURES)
"""Phrases of all that can be on a table."""
MEANT = {
    "pick": ("pick",),
    "place": ("pick", "place", "stack", "push"),
    "stack": ("pick", "place", "stack"),
    "push": ("push", "press"),
    "press": ("press",),
}
"""Skills that a verb's clause may need, wherever it leads to."""
_LOOSE_KINDS = (Kind.QUANTIFIER, Kind.UNSUPPORTED, Kind.EXCEPT)


@dataclass(frozen=True)
class Thing:
    """A noun phrase."""

    colour: str | None
    kind: str | None
    """None for any."""

    def could_mean(self, other: Thing) -> bool:
        """Whether both may be about the same."""
        same_colour = self.colour is None or other.colour is None or self.colour == other.colour
        return same_colour and (self.kind is None or self.kind == other.kind)

    @property
    def phrases(self) -> list[str]:
        """Its names, with a colour and without one, as far as the vocabulary has words for what is not said."""
        kinds = (self.kind,) if self.kind else SHAPES
        colours = (self.colour,) if self.colour else () if self.kind in FIXTURES else COLOURS
        return [kind for kind in kinds if not self.colour] + [
            f"{colour} {kind}" for kind in kinds for colour in colours
        ]


class Mentions:
    """What an instruction speaks of."""

    def __init__(self, instruction: str) -> None:
        tokens = tokenize(instruction)
        words = set(re.findall(r"[a-z]+", instruction.lower()))
        self.things = read_things(tokens)
        self.left_out = _left_out(tokens)
        self.skills = _skills(tokens)
        self.loose = (
            bool(words & LOOSE) or any(token.kind in _LOOSE_KINDS and token.value != "a" for token in tokens)
        ) or not self.things

    @property
    def phrases(self) -> tuple[str, ...]:
        """Phrases of the things that the instruction could mean; none where it could mean anything."""
        if self.loose:
            known = KNOWN if self.left_out else ()
            return tuple(phrase for phrase in known if not self._is_left_out(phrase))
        named = dict.fromkeys(phrase for thing in self.things for phrase in thing.phrases)
        return tuple(phrase for phrase in named if is_phrase(phrase) and len(phrase) <= LONGEST_PHRASE)

    def allow(self, step: Step) -> bool:
        """Whether the instruction could mean a step's object and place; directions are not looked at."""
        phrases = [step.object] if step.skill == "push" or step.place is None else [step.object, step.place]
        return not self._is_left_out(step.object) and all(self.mention(phrase) for phrase in phrases)

    def _is_left_out(self, phrase: str) -> bool:
        return any(_is_a(thing, kind) for thing in read_things(tokenize(phrase)) for kind in self.left_out)

    def mention(self, phrase: str) -> bool:
        """Whether the instruction could mean a thing."""
        if self.loose:
            return True
        meant = read_things(tokenize(phrase))
        return bool(meant) and any(thing.could_mean(meant[-1]) for thing in self.things)


def read_things(tokens: list[Token]) -> list[Thing]:
    """Return the noun phrases: a colour and the noun after it, or either alone."""
    found: list[Thing] = []
    colour: str | None = None
    for index, token in enumerate(tokens):
        following = tokens[index + 1].kind if index + 1 < len(tokens) else None
        match token.kind:
            case Kind.COLOUR if following in (Kind.NOUN, Kind.UNKNOWN):
                colour = token.value
            case Kind.COLOUR:
                found.append(Thing(token.value, None))
            case Kind.CONTAINER_COLOUR if following is not Kind.NOUN:
                found.append(Thing(None, token.value))
            case Kind.NOUN:
                found.append(Thing(colour, None if token.value == ANY else token.value))
                colour = None
            case Kind.UNKNOWN if following is not Kind.UNKNOWN:
                found.append(Thing(colour, _singular(token.value)))
                colour = None
            case _:
                pass
    return found


def _skills(tokens: list[Token]) -> frozenset[str]:
    """Return the skills that the verbs can mean; all of them where a word that is not known may be a verb."""
    verbs = {token.value for token in tokens if token.kind is Kind.VERB}
    if not verbs or any(token.kind is Kind.UNKNOWN for token in tokens):
        return frozenset(SKILLS)
    if any(token.kind in (Kind.PREPOSITION, Kind.DIRECTION) for token in tokens):  # taking something somewhere
        verbs = {"place" if verb == "pick" else verb for verb in verbs}
    return frozenset(skill for verb in verbs for skill in MEANT[verb])


def _left_out(tokens: list[Token]) -> list[Thing]:
    """Return what follows words such as ``except`` or ``not`` and is named nowhere else: it is to stay."""
    things = read_things(tokens)
    pairs = enumerate(pairwise(tokens), start=1)
    after = [read_things(tokens[index:])[:1] for index, (token, following) in pairs if _excludes(token, following)]
    return [thing for found in after for thing in found if things.count(thing) == 1]


def _excludes(token: Token, following: Token) -> bool:
    """Whether what follows a token is to stay; `do not forget to press the button` leaves nothing out."""
    about_a_thing = following.kind in (Kind.DETERMINER, Kind.COLOUR, Kind.CONTAINER_COLOUR, Kind.NOUN)
    return token.kind is Kind.EXCEPT or (token.value == "negation" and about_a_thing)


def _is_a(thing: Thing, kind: Thing) -> bool:
    """Whether a thing is certainly of a kind."""
    return kind.colour in (None, thing.colour) and kind.kind in (None, thing.kind)


def _singular(word: str) -> str:
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def named_things(text: str) -> list[str]:
    """Return the phrases of the things that a text names by words of the vocabulary, e.g. ``red cube``, ``bowl``."""
    kinds = (*SHAPES, *FIXTURES)
    known = [thing for thing in read_things(tokenize(text)) if thing.kind in kinds]
    found = [f"{thing.colour or ''} {thing.kind}".strip() for thing in known]
    return list(dict.fromkeys(found))
