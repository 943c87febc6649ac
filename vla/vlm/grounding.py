"""Boxes and points in text: as location tokens, or as numbers.

Location tokens follow Pix2Seq (Chen et al. 2022, section 2.1) and PaliGemma (Beyer et al. 2024, section 3.2): each
coordinate is one of ``bins`` tokens. As text, the same bins are written as numbers, which needs no new tokens.
Coordinates are x before y, fractions of the frame, as in ``observation.goal``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vla.errors import ConfigError, GroundingError, UnknownNameError
from vla.types import GOAL_DIM, Box

STYLES = ("tokens", "text")
ABSENT = "none"
"""How a text says that there is no box."""

_TOKEN = re.compile(r"<loc_(\d+)>")
_TOKEN_RUN = re.compile(r"(?:<loc_\d+>\s*)+")
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True)
class Grounding:
    """Writes boxes and points, and reads them back to within half a bin (a whole one where a box is thinner than that).

    Raises:
        UnknownNameError: ``style`` is not one of `STYLES`.
        ConfigError: fewer than two bins.
    """

    style: str = "tokens"
    """``tokens``: ``<loc_3><loc_9><loc_20><loc_31>``; ``text``: ``[3, 9, 20, 31]``."""
    bins: int = 128
    """Values of a coordinate: the first is the frame's left or upper edge, the last its right or lower one."""

    def __post_init__(self) -> None:
        if self.style not in STYLES:
            raise UnknownNameError("style of grounding", self.style, STYLES)
        if self.bins < 2:
            raise ConfigError(f"location_bins={self.bins} is not at least 2")

    @property
    def tokens(self) -> list[str]:
        """Tokens that the vocabulary needs, in the order of their coordinates."""
        return [f"<loc_{index}>" for index in range(self.bins)] if self.style == "tokens" else []

    def write_box(self, box: Box) -> str:
        """Return a box as text: left, upper, right and lower edge."""
        x0, x1 = self._interval(box.x0, box.x1)
        y0, y1 = self._interval(box.y0, box.y1)
        return self._write(x0, y0, x1, y1)

    def write_point(self, x: float, y: float) -> str:
        """Return a point as text.

        Args:
            x: fraction of the frame's width.
            y: fraction of its height.

        Raises:
            GroundingError: the point is outside the frame.
        """
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise GroundingError(f"point ({x}, {y}) is outside the frame, 0 to 1 on both axes")
        return self._write(self._index(x), self._index(y))

    def write_goal(self, goal: NDArray[np.float32]) -> str:
        """Return a goal (5,) as text: its box, or `ABSENT`.

        Raises:
            GroundingError: the goal has another shape, or no valid box.
        """
        if np.shape(goal) != (GOAL_DIM,):
            raise GroundingError(f"goal has shape {np.shape(goal)}, not ({GOAL_DIM},)")
        present, x0, y0, x1, y1 = (float(value) for value in goal)
        if not present:
            return ABSENT
        try:
            return self.write_box(Box(x0, y0, x1, y1))
        except ValueError as error:
            raise GroundingError(str(error)) from error

    def read_box(self, text: str, camera: str = "front") -> Box:
        """Return the one box that a text names, whatever stands around it.

        Raises:
            GroundingError: the text names no box or several, or a malformed one.
        """
        x0, y0, x1, y1 = self._read(text, "box", 4)
        if x0 >= x1 or y0 >= y1:
            raise GroundingError(f"box in {text!r} is not left < right and upper < lower")
        return Box(*(index / (self.bins - 1) for index in (x0, y0, x1, y1)), camera=camera)

    def read_point(self, text: str) -> tuple[float, float]:
        """Return the one point (x, y) that a text names, as fractions of the frame.

        Raises:
            GroundingError: the text names no point or several, or a malformed one.
        """
        x, y = self._read(text, "point", 2)
        return x / (self.bins - 1), y / (self.bins - 1)

    def read_goal(self, text: str) -> NDArray[np.float32]:
        """Return a text's box as ``observation.goal`` (5,): [present, x0, y0, x1, y1], all zero for `ABSENT`.

        Raises:
            GroundingError: the text is neither `ABSENT` nor names one well-formed box.
        """
        if text.strip().rstrip(".").lower() == ABSENT:
            return np.zeros(GOAL_DIM, np.float32)
        box = self.read_box(text)
        return np.array([1.0, box.x0, box.y0, box.x1, box.y1], np.float32)

    def _index(self, value: float) -> int:
        return round(value * (self.bins - 1))

    def _interval(self, low: float, high: float) -> tuple[int, int]:
        """Return the ends' bins, at least one apart, each at most one bin from its end."""
        first, last = self._index(low), self._index(high)
        if first == last:
            middle = (low + high) / 2 * (self.bins - 1)
            downwards = first > 0 and (middle < first or last == self.bins - 1)
            first, last = (first - 1, last) if downwards else (first, last + 1)
        return first, last

    def _write(self, *indices: int) -> str:
        if self.style == "tokens":
            return "".join(f"<loc_{index}>" for index in indices)
        return f"[{', '.join(map(str, indices))}]"

    def _read(self, text: str, kind: str, count: int) -> list[int]:
        example = self._write(*range(count))
        if self.style == "tokens":
            groups = [_TOKEN.findall(run) for run in _TOKEN_RUN.findall(text)]
        else:
            groups = [[part.strip() for part in inside.split(",")] for inside in _BRACKETS.findall(text)]
        if len(groups) != 1:
            raise GroundingError(f"{text!r} names {len(groups)} locations instead of one {kind} such as {example}")
        if len(groups[0]) != count:
            raise GroundingError(f"{text!r} has {len(groups[0])} coordinates; a {kind} has {count}, such as {example}")
        if wrong := [value for value in groups[0] if not value.isascii() or not value.isdigit()]:
            raise GroundingError(f"{wrong[0]!r} in {text!r} is no coordinate; a {kind} is written like {example}")
        indices = [int(value) for value in groups[0]]
        if max(indices) >= self.bins:
            raise GroundingError(f"coordinate {max(indices)} in {text!r} is not within 0 .. {self.bins - 1}")
        return indices
