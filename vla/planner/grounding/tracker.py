"""Remembers where each thing was seen last, through occlusion by the arm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vla.planner.grounding.detector import Detection, Detector
from vla.types import Box

WHOLE = 0.6
"""Part of its first area from which on a patch shows the whole object; less is what the hand leaves to see."""
SAME_PLACE = 0.08
"""Distance in the picture within which a container is the one seen before."""


class Tracker:
    """Follows the things of one scene from frame to frame.

    Args:
        detector: finds things in single frames.
        things: what was found in the first frame.
    """

    def __init__(self, detector: Detector, things: Sequence[Detection]) -> None:
        self._detector = detector
        self._first = {thing.phrase: thing for thing in things}
        self._last = dict(self._first)
        self._visible = set(self._first)

    def update(self, image: NDArray[np.uint8], *, at_ready: bool) -> None:
        """Look for everything in a frame (H, W, 3); things that stand still only when the arm is out of the way."""
        self._visible.clear()
        movable = [phrase for phrase, thing in self._last.items() if thing.colour]
        patches = self._detector.coloured(image)
        pairs = sorted(
            (distance(self._last[phrase].box, patch.box), phrase, index)
            for phrase in movable
            for index, patch in enumerate(patches)
            if patch.colour == self._last[phrase].colour
        )
        taken: set[int] = set()
        for _, phrase, index in pairs:
            if phrase in self._visible or index in taken:
                continue
            taken.add(index)
            if patches[index].area >= WHOLE * self._first[phrase].area:
                self._visible.add(phrase)
                self._last[phrase] = replace(self._last[phrase], box=patches[index].box)
        if at_ready:
            for thing in self._detector.all_things(image):
                known = self._last.get(thing.phrase)
                if thing.colour is None and known and distance(known.box, thing.box) < SAME_PLACE:
                    self._visible.add(thing.phrase)
                    self._last[thing.phrase] = replace(known, box=thing.box)

    def box(self, phrase: str) -> Box | None:
        """Return where a thing was seen last; None if it never was."""
        thing = self._last.get(phrase)
        return thing.box if thing else None

    def visible(self, phrase: str) -> bool:
        """Whether a thing is to be seen in the latest frame."""
        return phrase in self._visible


def distance(one: Box, other: Box) -> float:
    """Return the distance between the centres of two boxes, normalised to the frame."""
    return math.dist(one.center, other.center)
