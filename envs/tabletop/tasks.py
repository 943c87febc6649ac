"""The tabletop tasks: which steps they ask for, in which words, and on what kind of table.

``VERSION`` changes whenever a scene, its physics, a wording or a success test does.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from envs.tabletop import drafts
from envs.tabletop.drafts import Draft
from envs.tabletop.scene import CrowdedError, Placement, Scene, draw_phrases, draw_scene
from vla.errors import UnknownNameError
from vla.language import BUTTON, DIRECTIONS, MOVABLES, Step
from vla.types import TaskInfo

VERSION = "2"

Wording = Literal["train", "test"]


@dataclass(frozen=True)
class Assignment:
    """A scene with what is to be done in it."""

    scene: Scene
    steps: tuple[Step, ...]
    instruction: str
    stays: tuple[str, ...] = ()
    """Phrases of what must not be put into a container."""


@dataclass(frozen=True)
class Task:
    """A family of instructions."""

    info: TaskInfo
    draft: Callable[[np.random.Generator], Draft]
    train_wordings: tuple[str, ...]
    test_wordings: tuple[str, ...]

    def say(self, rng: np.random.Generator, wording: Wording, slots: Mapping[str, str]) -> str:
        """Return an instruction in one of the wordings of a split."""
        wordings = self.train_wordings if wording == "train" else self.test_wordings
        return str(rng.choice(wordings)).format(**slots)


def assign(task: str, seed: int, wording: Wording = "train") -> Assignment:
    """Draw scene, steps and instruction of a task from a seed.

    Raises:
        UnknownNameError: there is no such task.
    """
    if task not in TASKS:
        raise UnknownNameError("task", task, TASKS)
    rng = np.random.default_rng([seed, zlib.crc32(task.encode())])
    family = TASKS[task]
    while True:
        draft = family.draft(rng)
        mentioned = [name for step in draft.steps for name in _mentioned(step)]
        required = list(dict.fromkeys([*mentioned, *draft.beside, *draft.stays]))
        low, high = draft.count
        count = int(rng.integers(max(low, len(required)), max(high, len(required)) + 1))
        phrases = draw_phrases(rng, required, count, exclude=draft.exclude)
        pushes = {step.object: step.place for step in draft.steps if step.skill == "push"}
        try:
            scene = draw_scene(rng, [Placement(phrase, pushes.get(phrase)) for phrase in phrases])
        except CrowdedError:
            continue
        if draft.fits(scene):
            return Assignment(scene, draft.steps, family.say(rng, wording, draft.slots), draft.stays)


def draw_free_scene(seed: int) -> Scene:
    """Draw a table that belongs to no task."""
    rng = np.random.default_rng([seed, zlib.crc32(b"free")])
    while True:
        phrases = draw_phrases(rng, [], int(rng.integers(2, 7)))
        if not any(phrase in MOVABLES for phrase in phrases):
            continue
        try:
            return draw_scene(rng, [Placement(phrase) for phrase in phrases])
        except CrowdedError:
            continue


def _mentioned(step: Step) -> list[str]:
    names = [step.object] if step.place is None or step.place in DIRECTIONS else [step.object, step.place]
    return [name for name in names if name != BUTTON]


def _task(
    name: str,
    group: str,
    draft: Callable[[np.random.Generator], Draft],
    steps: tuple[int, int],
    train: Sequence[str],
    test: Sequence[str],
) -> tuple[str, Task]:
    info = TaskInfo(
        name, group, train[0], max_seconds=4.0 + 11.0 * steps[1], min_subgoals=steps[0], max_subgoals=steps[1]
    )
    return name, Task(info, draft, tuple(train), tuple(test))


SKILLS, SHORT, LONG, PICTURED = "skills", "long_2_3", "long_4_6", "pictured"

TASKS: dict[str, Task] = dict(
    [
        _task("pick", SKILLS, drafts.draw_pick, (1, 1),
              ["pick up the {a}", "grab the {a}", "lift the {a}", "please pick up the {a}"],
              ["take the {a}", "could you grasp the {a}", "pick the {a} up"]),
        _task("place", SKILLS, drafts.draw_place, (2, 2),
              ["put the {a} {place}", "place the {a} {place}", "pick up the {a} and place it {place}"],
              ["drop the {a} {place}", "please set the {a} {place}", "grab the {a} and put it {place}"]),
        _task("stack", SKILLS, drafts.draw_stack, (2, 2),
              ["stack the {a} on the {b}", "put the {a} on top of the {b}", "place the {a} on the {b}"],
              ["set the {a} on top of the {b}", "please stack the {a} on top of the {b}"]),
        _task("push", SKILLS, drafts.draw_push, (1, 1),
              ["push the {a} to the {direction}", "slide the {a} to the {direction}"],
              ["shove the {a} to the {direction}", "could you push the {a} to the {direction}"]),
        _task("press", SKILLS, drafts.draw_press, (1, 1),
              ["press the button", "push the button", "press the button please"],
              ["hit the button", "could you press the button"]),
        _task("place_press", SHORT, drafts.draw_place_press, (3, 3),
              ["put the {a} {place}, then press the button", "place the {a} {place} and then press the button"],
              ["first put the {a} {place}, after that push the button", "drop the {a} {place}, then hit the button"]),
        _task("press_place", SHORT, drafts.draw_press_place, (3, 3),
              ["press the button, then put the {a} {place}", "press the button and then place the {a} {place}"],
              ["first hit the button, then drop the {a} {place}", "push the button. then put the {a} {place}"]),
        _task("stack_press", SHORT, drafts.draw_stack_press, (3, 3),
              ["stack {a_colour} on {b_colour}, then press the button",
               "stack the {a} on the {b}, then press the button"],
              ["put the {a} on top of the {b}, after that press the button"]),
        _task("push_press", SHORT, drafts.draw_push_press, (2, 2),
              ["push the {a} to the {direction}, then press the button",
               "slide the {a} to the {direction} and then press the button"],
              ["first shove the {a} to the {direction}, then push the button"]),
        _task("push_place", SHORT, drafts.draw_push_place, (3, 3),
              ["push the {a} to the {direction}, then put the {b} {place}"],
              ["slide the {a} to the {direction}, after that place the {b} {place}"]),
        _task("place_two", LONG, drafts.draw_place_two, (4, 4),
              ["put the {a} and the {b} {place}", "place the {a} {place}, then place the {b} {place}"],
              ["first put the {a} {place}, then put the {b} {place}"]),
        _task("stack_place", LONG, drafts.draw_stack_place, (4, 4),
              ["stack the {a} on the {b}, then put the {c} {place}"],
              ["put the {a} on top of the {b}, after that place the {c} {place}"]),
        _task("all_of_a_shape", LONG, drafts.draw_all_of_a_shape, (4, 6),
              ["put all the {shape}s {place}", "put every {shape} {place}"],
              ["place all {shape}s {place}"]),
        _task("sort", LONG, drafts.draw_sort, (4, 6),
              ["put the {a} {place} and everything else {rest}", "put the {a} {place}, then put the rest {rest}"],
              ["place the {a} {place} and all the other objects {rest}"]),
        _task("except_colour", PICTURED, drafts.draw_except_colour, (2, 4),
              ["put everything that is not {colour} {place}", "put everything other than the {colour} ones {place}"],
              ["put all objects except the {colour} ones {place}", "everything but the {colour} things goes {place}"]),
        _task("left_or_right", PICTURED, drafts.draw_left_or_right, (1, 1),
              ["pick up the {shape} {side} of the {anchor}", "grab the {shape} {side} of the {anchor}"],
              ["take the {shape} {side} of the {anchor}", "could you grasp the {shape} {side} of the {anchor}"]),
    ]
)  # fmt: skip
