"""A suite whose simulation makes views up: one question of each kind, pictures of one colour."""

from __future__ import annotations

import io
from typing import ClassVar

from PIL import Image

from envs.suites import Suite
from tests.helpers.toy_suite import TASKS, ToySimulation
from vla.types import Box
from vla.vlm.examples import KINDS, Question, Region, View
from vla.vlm.prompts import BOX

BOXED = Box(0.125, 0.25, 0.5, 0.75)


def toy_view(seed: int, moment: int, split: str) -> View:
    """Return a view that tells what it was asked for."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (seed % 256, moment, 99)).save(buffer, "PNG")
    questions = tuple(
        Question(kind, f"{split} {kind} <{seed}>?", f"it is {BOX}", (BOXED,), "none & nothing", '{"phrase": "x"}')
        for kind in KINDS
    )
    regions = (Region("red cube", BOXED, 0.5),)
    return View((buffer.getvalue(),) * 2, ("front", "wrist"), questions, regions, seed, "toy/reach", moment / 2)


class ToyViews(ToySimulation):
    """Counts the episodes that were asked for."""

    asked: ClassVar[list[tuple[int, str]]] = []

    def views(self, seed: int, split: str, count: int, *, perturb: float) -> tuple[View, ...]:
        """Return made-up views."""
        ToyViews.asked.append((seed, split))
        return tuple(toy_view(seed, moment, split) for moment in range(count))


SUITE = Suite("toy", "1", TASKS, ToyViews)
BLIND = Suite("blind", "1", TASKS, ToySimulation)
