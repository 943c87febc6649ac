"""Phrases that name one thing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vla.errors import PlanError
from vla.language import BUTTON, CONTAINERS, DIRECTIONS, MOVABLES, PREPOSITIONS, SKILLS, Step
from vla.language.lexicon import NOUNS, PLURALS
from vla.vlm.prompts import DONE

CHOICES = (*SKILLS, DONE)
"""What a plan may be, beside a refusal: a step of a skill, or the end."""
LONGEST_WORDS = 4
"""Most words of a phrase."""

_PLURALS = {PLURALS.get(word, f"{word}s") for words in NOUNS.values() for word in words}
VAGUE = tuple(
    sorted(
        _PLURALS
        | {
            "all",
            "any",
            "anything",
            "both",
            "each",
            "either",
            "every",
            "everything",
            "everyone",
            "few",
            "it",
            "its",
            "many",
            "more",
            "most",
            "nothing",
            "other",
            "others",
            "remaining",
            "rest",
            "several",
            "some",
            "something",
            "that",
            "them",
            "themselves",
            "these",
            "they",
            "thing",
            "this",
            "those",
            "various",
            "whatever",
            "a",
            "an",
            "and",
            "at",
            "but",
            "from",
            "in",
            "into",
            "of",
            "off",
            "on",
            "onto",
            "or",
            "out",
            "over",
            "the",
            "to",
            "up",
            "with",
            "without",
            "clean",
            "clear",
            "organise",
            "organize",
            "sort",
            "tidy",
            "stuff",
            "mess",
        }
    )
)
"""Words that no phrase holds: they name several things, none in particular, or begin another part of the sentence."""

_PHRASE = re.compile(rf"[a-z]+( [a-z]+){{0,{LONGEST_WORDS - 1}}}")


def is_phrase(text: str) -> bool:
    """Return whether a text names one thing."""
    try:
        check_phrase(text)
    except PlanError:
        return False
    return True


def check_phrase(phrase: str) -> str:
    """Return a phrase that names one thing.

    Raises:
        PlanError: it is vague, names several things, or is no phrase.
    """
    if not _PHRASE.fullmatch(phrase):
        raise PlanError(f"{phrase!r} is no phrase: one to {LONGEST_WORDS} words of small letters")
    if vague := [word for word in phrase.split() if word in VAGUE]:
        raise PlanError(f"{phrase!r} does not name one thing: {vague[0]!r} is vague")
    return phrase


def in_both(objects: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return the phrases of two lists that are in both; an empty list stands for any words.

    Raises:
        PlanError: none is.
    """
    if not objects or not known:
        return tuple(objects or known)
    both = tuple(phrase for phrase in objects if phrase in known)
    if not both:
        raise PlanError(f"none of {', '.join(objects)} may be named, only {', '.join(known)}")
    return both


def check_step(step: Step) -> Step:
    """Return a step of which every part names one thing.

    Raises:
        PlanError: a part does not.
    """
    check_phrase(step.object)
    if step.place is not None:
        check_phrase(step.place)
        if step.place == step.object:
            raise PlanError(f"the {step.object} cannot go to itself")
        wrong = {"place": MOVABLES, "stack": (*CONTAINERS, BUTTON)}.get(step.skill, ())
        if step.place in wrong or (step.place in DIRECTIONS) != (step.skill == "push"):
            raise PlanError(f"{step.place!r} is no place to {step.skill} something")
    return step


def step_text(step: Step) -> str:
    """Return the sentence that the policy is told, of words that the language package need not know."""
    match step.skill:
        case "place":
            return f"place the {step.object} {_preposition(step)} the {step.place}"
        case "stack":
            return f"stack the {step.object} on the {step.place}"
    return step.text


def step_question(step: Step) -> str:
    """Return the yes/no question that decides whether a step is reached."""
    match step.skill:
        case "place":
            return f"is the {step.object} {_preposition(step)} the {step.place}?"
        case "stack":
            return f"is the {step.object} on the {step.place}?"
    return step.question


def _preposition(step: Step) -> str:
    return PREPOSITIONS.get(step.place or "", "in")
