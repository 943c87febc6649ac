"""The words that are understood: a table of expressions by what they are good for. To teach a wording, add it here."""

from __future__ import annotations

from enum import Enum, auto

from vla.language.vocabulary import BUTTON, COLOURS, CONTAINERS, SHAPES


class Kind(Enum):
    """What a token is good for."""

    VERB = auto()
    COLOUR = auto()
    CONTAINER_COLOUR = auto()
    NOUN = auto()
    DETERMINER = auto()
    QUANTIFIER = auto()
    PRONOUN = auto()
    PREPOSITION = auto()
    DIRECTION = auto()
    EXCEPT = auto()
    THEN = auto()
    AND = auto()
    PARTICLE = auto()
    TABLE = auto()
    FILLER = auto()
    UNSUPPORTED = auto()
    UNKNOWN = auto()


VERBS = {
    "pick": "pick up, pick, grab hold of, grab, take hold of, take, lift up, lift, grasp, get, fetch, raise, collect, "
    "seize, hold, pick out, gather up, gather",
    "place": "put, place, drop, move, set, lay, bring, transfer, deposit, insert, carry, deliver, position, leave, "
    "release, pop, stick, store, stash, relocate, tuck, put away",
    "stack": "stack, pile, balance",
    "push": "push, slide, shove, nudge, shift, scoot, pull, drag, sweep, budge",
    "press": "press, press on, press down on, push down on, push on, hit, tap, tap on, click, click on, poke, touch, "
    "activate, trigger, ring",
}
COLOUR_WORDS = {colour: colour for colour in COLOURS} | {
    "turquoise": "cyan",
    "violet": "purple",
}
CONTAINER_COLOURS = {"white": "bowl", "black": "plate", "charcoal": "plate"} | {
    "brown": "box",
    "cardboard": "box",
}
ANY = "object"
NOUNS = {
    "cube": ("cube", "block", "brick"),
    "cylinder": ("cylinder", "tube", "barrel"),
    "bowl": ("bowl",),
    "plate": ("plate", "saucer"),
    "box": ("box", "carton", "crate"),
    BUTTON: ("button", "switch", "buzzer"),
    ANY: ("object", "thing", "item", "one", "toy", "piece", "shape"),
}
PLURALS = {"box": "boxes", "switch": "switches"}
DIRECTION_STEMS = {
    "left": ("left",),
    "right": ("right",),
    "front": ("front", "camera", "viewer", "near side"),
    "back": ("back", "rear", "far side"),
}
PHRASES: dict[Kind, dict[str, str]] = {
    Kind.DIRECTION: {
        "front": "front, forward, forwards, closer, nearer, closer to the camera, nearer to the camera, towards me, "
        "toward me, closer to me, nearer to me, frontwards",
        "back": "back, backward, backwards, away, further away, farther away, away from the camera, away from me, "
        "further back, farther back, rearwards, away from the viewer",
        "left": "leftward, leftwards, left",
        "right": "rightward, rightwards, right",
    },
    Kind.PREPOSITION: {
        "in": "in, into, inside, inside of, in to, within",
        "on": "on, onto, upon, on to, on top of, atop, on top, over, over onto, over on",
        "to": "to, over to, towards, toward",
    },
    Kind.QUANTIFIER: {
        "all": "all, all of, every, each, each of, every one of, each one of, every single, all of the, any and all",
        "everything": "everything, every thing, all of it",
        "rest": "everything else, the rest, all the rest, the rest of, all the others, the others, all others, "
        "the remaining, all the remaining, all remaining, all the other, all other, every other, the other, "
        "whatever is left, what is left, the remainder, all that remains",
        "all 2": "both, both of, both the, the two, all two",
        "all 3": "the three, all three, all three of",
        "all 4": "the four, all four, all four of",
        "a 2": "two, two of, any two, any two of",
        "a 3": "three, three of, any three, any three of",
        "a": "a, an, any, any of, some, one of, any one of",
    },
    Kind.DETERMINER: {"the": "the, this, that, these, those, my, your"},
    Kind.PRONOUN: {"it": "it, that one, this one", "them": "them, them all, them both, all of them, both of them"},
    Kind.EXCEPT: {"except": "except, except for, but, but not, apart from, other than, besides, excluding"},
    Kind.THEN: {
        "then": "then, and then, after that, and after that, afterwards, and afterwards, afterward, next, and next, "
        "finally, and finally, lastly, and lastly, last, subsequently, thereafter, when done, once done, "
        "when that is done, once that is done, followed by, ;, ., !, first, first of all, to begin with"
    },
    Kind.AND: {"and": "and, ',', &, plus, as well as, along with, together with, also, and also, too, as well"},
    Kind.PARTICLE: {"particle": "up, down, off, out"},
    Kind.TABLE: {"table": "table, table top, tabletop, desk, work surface, surface, floor, ground"},
    Kind.UNSUPPORTED: {
        "relation": "next to, beside, between, behind, under, underneath, below, beneath, in front of, near, around, "
        "left of, right of, to the left of, to the right of, on the left of, on the right of, on the left side of, "
        "on the right side of, above, from, out of, off of, against, across",
        "negation": "not, don't, do not, dont, never, no, without, avoid, stop, cannot, can't, instead, neither, nor",
        "condition": "if, unless, until, while, when, before, after, whenever, once, or, either, times, twice, again",
    },
    Kind.FILLER: {
        "filler": "please, could you, can you, would you, will you, could you please, can you please, i want you to, "
        "i would like you to, i'd like you to, i need you to, you should, you must, you need to, now, robot, hey, hi, "
        "hello, kindly, just, carefully, gently, slowly, quickly, for me, go ahead and, go and, try to, let's, let us, "
        "thanks, thank you, ok, okay, a bit, a little, a little bit, slightly, your task is to, the task is to, would "
        "you mind, so, simply, right now, coloured, colored, small, little, of the, of, that is, that are, which is, "
        "which are, there is, there are, you see, you can see, from the table, off the table, ?, "
        "straight, directly"
    },
}

OBJECT_WORDS = (*SHAPES, *CONTAINERS, BUTTON)
VERB_WORDS = ("pick up", "put", "place", "stack", "push", "press")
