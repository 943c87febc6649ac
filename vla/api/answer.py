"""What a question about the scene is answered with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vla.types import Box


@dataclass(frozen=True)
class Answer:
    """An answer in words, and where the things are that question and answer name."""

    text: str
    boxes: Mapping[str, Box | None]
    """Phrase -> where it is in the front camera; None if it is not there."""

    def __str__(self) -> str:
        return self.text
