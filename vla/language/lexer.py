"""Words to tokens: the longest known expression wins; a word that is not known stays, so that it can be named."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from vla.errors import InstructionError
from vla.language.lexicon import (
    COLOUR_WORDS,
    CONTAINER_COLOURS,
    DIRECTION_STEMS,
    NOUNS,
    PHRASES,
    PLURALS,
    VERBS,
    Kind,
)


@dataclass(frozen=True)
class Token:
    """An expression of the instruction and what it stands for."""

    kind: Kind
    value: str
    text: str
    plural: bool = False


def _table() -> dict[tuple[str, ...], Token]:
    table: dict[tuple[str, ...], Token] = {}

    def add(kind: Kind, value: str, text: str, plural: bool = False) -> None:
        table[tuple(text.split())] = Token(kind, value, text, plural)

    for kind, values in PHRASES.items():
        for value, texts in values.items():
            for text in texts.split(", "):
                add(kind, value, text.strip("'") if text == "','" else text)
    for skill, texts in VERBS.items():
        for text in texts.split(", "):
            add(Kind.VERB, skill, text)
    for word, colour in COLOUR_WORDS.items():
        add(Kind.COLOUR, colour, word)
    for word, container in CONTAINER_COLOURS.items():
        add(Kind.CONTAINER_COLOUR, container, word)
    for noun, words in NOUNS.items():
        for word in words:
            add(Kind.NOUN, noun, word)
            add(Kind.NOUN, noun, PLURALS.get(word, f"{word}s"), plural=True)
    for direction, stems in DIRECTION_STEMS.items():
        for stem in stems:
            for lead in ("to the", "towards the", "toward the", "to", "on the", "towards"):
                for tail in ("", " side", " hand side", " of the table", " side of the table"):
                    add(Kind.DIRECTION, direction, f"{lead} {stem}{tail}")
    return table


TABLE = _table()
LONGEST = max(map(len, TABLE))


def tokenize(instruction: str) -> list[Token]:
    """Split an instruction into tokens; what carries no meaning is left out."""
    text = instruction.lower().replace("’", "'").replace("-", " ")
    words = re.findall(r"[\w']+|[^\w\s]", text)
    words = [word for word in words if word not in ("'", '"')]
    tokens: list[Token] = []
    position = 0
    while position < len(words):
        for length in range(min(LONGEST, len(words) - position), 0, -1):
            expression = tuple(words[position : position + length])
            if expression in TABLE:
                tokens.append(TABLE[expression])
                break
        else:
            length = 1
            tokens.append(Token(Kind.UNKNOWN, words[position], words[position]))
        position += length
    return [token for token in tokens if token.kind is not Kind.FILLER]


def words_of(*kinds: Kind) -> list[str]:
    """Return the single words known for these kinds of token, without plurals."""
    return [
        token.text for token in TABLE.values() if token.kind in kinds and " " not in token.text and not token.plural
    ]


def unknown_word(role: str, word: str, known: Iterable[str], shown: Iterable[str]) -> NoReturn:
    """Raise the error for a word that is not in the vocabulary.

    Args:
        role: what the word seems to be: colour, object, verb.
        word: the word.
        known: every word of that role, to guess what was meant.
        shown: the words to list as valid.
    """
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.65)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise InstructionError(f"unknown {role} {word!r}.{hint} Valid: {', '.join(shown)}")
