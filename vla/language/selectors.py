"""Noun phrases: which objects are meant, before anyone has looked at the table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from vla.errors import InstructionError
from vla.language.lexer import Token, unknown_word
from vla.language.lexicon import ANY, COLOUR_WORDS, Kind
from vla.language.vocabulary import BUTTON, COLOURS, CONTAINERS, SHAPES

Quantity = Literal["the", "a", "all", "rest", "it", "them"]


@dataclass(frozen=True)
class Selector:
    """Which objects a noun phrase means; decided against what is on the table by ``expand``."""

    kind: str | None = None
    """``cube``, ``cylinder``, ``bowl``, ``plate``, ``box`` or ``button``; None for any movable object."""
    colour: str | None = None
    quantity: Quantity = "the"
    count: int | None = None
    """How many, where the phrase says so."""
    excluding: tuple[Selector, ...] = ()

    def __str__(self) -> str:
        if self.quantity in ("it", "them"):
            return self.quantity
        plural = self.quantity in ("all", "rest")
        noun = (self.kind or "object") + ("s" if plural else "")
        return f"{self.colour} {noun}" if self.colour else noun


def from_words(colour: Token | None, noun: Token | None, text: str) -> Selector:
    """Return the selector of a colour and a noun, of which at least one is given.

    Raises:
        InstructionError: nothing of that kind has that colour; ``text`` is the phrase to name.
    """
    kind = noun.value if noun is not None else ANY
    if colour is not None and colour.kind is Kind.CONTAINER_COLOUR:
        if kind in (ANY, colour.value) or (kind == BUTTON and colour.value == "plate"):
            return Selector(kind=colour.value if kind == ANY else kind)
        unknown_word(
            f"colour of a {kind}", colour.text, COLOUR_WORDS, COLOURS if kind in SHAPES else _own_colours(kind)
        )
    if colour is not None and kind in (*CONTAINERS, BUTTON):
        raise InstructionError(
            f"there is no {text.removeprefix('the ')!r}: a {kind} has no such colour. "
            f"Coloured objects: {', '.join(SHAPES)}"
        )
    return Selector(kind=None if kind == ANY else kind, colour=colour.value if colour is not None else None)


def _own_colours(kind: str) -> tuple[str, ...]:
    return {"bowl": ("white",), "plate": ("black",), "box": ("brown",), BUTTON: ("black",)}[kind]


def share_noun(found: list[Selector]) -> tuple[Selector, ...]:
    """Give "the red and the blue cube" its noun twice, and "all the red and blue cubes" also its quantity."""
    shared: list[Selector] = []
    for selector in reversed(found):
        if shared and selector.kind is None and selector.colour and selector.quantity != "rest":
            selector = replace(selector, kind=shared[-1].kind if shared[-1].kind in SHAPES else None)
        shared.append(selector)
    return tuple(reversed(shared))
