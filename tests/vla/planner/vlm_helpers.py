"""Pictures, observations and a scripted model for the tests of the planner on vision-language models."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from vla.language import Step
from vla.planner.grounding import CameraView
from vla.planner.phrases import CHOICES
from vla.types import Box, Observation, Plan, Subgoal, SubgoalResult
from vla.vlm.processing import Frame
from vla.vlm.prompts import Answer

FRAME = np.random.default_rng(0).integers(0, 255, (48, 48, 3), np.uint8)
OPEN, HELD = 38.0, 14.0
"""Openings of the gripper; one that holds something from the outset says nothing of what it takes or lets go of."""
BOX = Box(0.25, 0.5, 0.5, 0.75)
YES, NO, UNSEEN = (0.9, 0.05, 0.05), (0.05, 0.9, 0.05), (0.1, 0.1, 0.8)
PICK = Answer(Step("pick", "red cube"), BOX)
PLACE = Answer(Step("place", "red cube", "bowl"), BOX)
TASK = "put the red cube in the bowl"
PUSH = Answer(Step("push", "red cube", "left"), BOX)
PUSH_TASK = "push the red cube to the left"


def observation(value: int = 100, gripper: float = HELD, joint: float = 0.0, **cameras: np.ndarray) -> Observation:
    images = cameras or {"front": np.full((8, 8, 3), value, np.uint8), "wrist": FRAME}
    return Observation(images, np.array([0, joint, 0, 0, 0, gripper], np.float32), 0.0)


def timeout(plan: Plan) -> SubgoalResult:
    assert isinstance(plan, Subgoal)
    return SubgoalResult(plan, "timeout", 0.0, 12.0)


def shifted(direction: str, distance: float) -> Box:
    view = CameraView()
    box = view.moved_box(BOX, distance * view.direction(direction), 0.0125)
    assert box is not None
    return box


@dataclass
class ScriptedChat:
    """A model that says what it is told to, and remembers what it was asked."""

    plans: list[Answer | Exception] = field(default_factory=list)
    choices: list[tuple[float, float, float] | Exception] = field(default_factory=list)
    box: Box | None = BOX
    boxes: dict[str, Box | None] = field(default_factory=dict)
    """Of some things; all others are at ``box``."""
    looked: list[dict[str, Frame]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    offered: list[set[str]] = field(default_factory=list)
    """What each plan could be."""
    named: list[tuple[str, ...]] = field(default_factory=list)
    """What each plan could name."""

    def look(self, pictures: Mapping[str, Frame]) -> ScriptedChat:
        self.looked.append(dict(pictures))
        return self

    def plan(self, question: str, choices: Collection[str] = CHOICES, objects: Sequence[str] = ()) -> Answer:
        self.asked.append(question)
        self.offered.append(set(choices))
        self.named.append(tuple(objects))
        return self._next(self.plans)

    def choose(self, question: str, options: Sequence[str]) -> tuple[float, ...]:
        self.asked.append(question)
        return self._next(self.choices)

    def locate(self, phrase: str) -> Box | None:
        self.asked.append(f"Where is the {phrase}?")
        return self.boxes.get(phrase, self.box)

    def answer(self, question: str) -> str:
        return ""

    @staticmethod
    def _next(script: list):
        said = script.pop(0)
        if isinstance(said, Exception):
            raise said
        return said
