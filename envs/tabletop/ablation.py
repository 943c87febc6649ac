"""Instructions that do not fit the task, to see whether words matter."""

from __future__ import annotations

import zlib

import numpy as np

from envs.tabletop.drafts import PRESS
from envs.tabletop.tasks import TASKS, Assignment, Wording
from vla.language import BUTTON, DIRECTIONS, Step

ABLATIONS = ("none", "language")


def something_else(assignment: Assignment, seed: int, wording: Wording = "train") -> Assignment:
    """Return the same scene with an instruction that does not bring about what the assignment asks for.

    It is to pick up what the assignment does not move, or to press the button; where there is neither, to push
    something another way.
    """
    scene = assignment.scene
    concerned = {step.object for step in assignment.steps}
    movables = [item.phrase for item in scene.items if item.movable]
    others = [Step("pick", phrase) for phrase in movables if phrase not in concerned]
    if BUTTON in scene.phrases and BUTTON not in concerned:
        others.append(PRESS)
    if not others:
        pushes = [Step("push", phrase, direction) for phrase in movables for direction in DIRECTIONS]
        others = [step for step in pushes if step not in assignment.steps]
    rng = np.random.default_rng([seed, zlib.crc32(b"something else")])
    step = others[int(rng.integers(len(others)))]
    slots = {"a": step.object, "direction": step.place or ""}
    return Assignment(scene, (step,), TASKS[step.skill].say(rng, wording, slots))
