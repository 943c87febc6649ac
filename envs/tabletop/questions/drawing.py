"""Chance, and the wordings that it chooses from: those of the training split and those that are held out."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from vla.language import Step
from vla.types import Box
from vla.vlm.examples import Question

Split = Literal["train", "test"]

HELD_OUT_PERCENT = 15
"""Share of the combinations of an object and its place that no training instruction asks for."""


@dataclass(frozen=True)
class Wordings:
    """Ways of saying the same."""

    train: tuple[str, ...]
    test: tuple[str, ...]


@dataclass(frozen=True)
class Draw:
    """A source of chance for one split."""

    rng: np.random.Generator
    split: Split

    def chance(self, probability: float) -> bool:
        """Return whether something of that probability happens."""
        return bool(self.rng.random() < probability)

    def one[T](self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[int(self.rng.integers(len(options)))]

    def some[T](self, options: Sequence[T], count: int) -> list[T]:
        """Return up to ``count`` different options, in random order."""
        return [options[index] for index in self.rng.permutation(len(options))[:count]]

    def words(self, wordings: Wordings, **slots: str) -> str:
        """Return one of the split's wordings, filled in."""
        return self.one(wordings.train if self.split == "train" else wordings.test).format(**slots)

    def allows(self, steps: Sequence[Step]) -> bool:
        """Whether steps may be asked for: training never sees a held-out combination."""
        return self.split == "test" or not has_held_out(steps)


def held_out(thing: str, place: str) -> bool:
    """Whether "this object at this place" is kept for the test split; a place is a container, a base or a direction.

    The rule is a checksum of the two phrases, so that it holds for every seed and machine.
    """
    return zlib.crc32(f"{thing} > {place}".encode()) % 100 < HELD_OUT_PERCENT


def has_held_out(steps: Sequence[Step]) -> bool:
    """Whether a step combines an object and a place that are held out."""
    return any(step.place is not None and held_out(step.object, step.place) for step in steps)


def ask(
    kind: str, prompt: str, answer: str, truth: dict[str, Any], *, boxes: tuple[Box, ...] = (), rejected: str = ""
) -> Question:
    """Return a question whose truth is written as JSON."""
    return Question(kind, prompt, answer, boxes, rejected, json.dumps(truth))


def a(phrase: str) -> str:
    """Return a phrase with its article."""
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def listed(phrases: Sequence[str]) -> str:
    """Join phrases as in a sentence: ``a, b and c``; ``nothing`` for none."""
    if len(phrases) < 2:
        return phrases[0] if phrases else "nothing"
    return f"{', '.join(phrases[:-1])} and {phrases[-1]}"
