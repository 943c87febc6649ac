"""The tabletop tasks: which steps they ask for, in which words, and on what kind of table.

``VERSION`` changes whenever a scene, its physics, a wording or a success test does.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from envs.tabletop.scene import (
    CrowdedError,
    Placement,
    Scene,
    draw_phrases,
    draw_scene,
)
from vla.errors import UnknownNameError
from vla.language import BUTTON, CONTAINERS, DIRECTIONS, MOVABLES, PREPOSITIONS, SHAPES, Step
from vla.types import TaskInfo

VERSION = "2"

Wording = Literal["train", "test"]


@dataclass(frozen=True)
class Assignment:
    """A scene with what is to be done in it."""

    scene: Scene
    steps: tuple[Step, ...]
    instruction: str


@dataclass(frozen=True)
class Draft:
    """What a task has drawn before anything is placed."""

    steps: tuple[Step, ...]
    slots: dict[str, str]
    """What fills the wording: ``{a}``, ``{container}``, ..."""
    exclude: tuple[str, ...] = ()
    """Phrases that must not be on the table."""
    count: tuple[int, int] = (2, 6)
    """Fewest and most movables and containers on the table."""


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
        required = list(dict.fromkeys(name for step in draft.steps for name in _mentioned(step)))
        low, high = draft.count
        count = int(rng.integers(max(low, len(required)), max(high, len(required)) + 1))
        phrases = draw_phrases(rng, required, count, exclude=draft.exclude)
        pushes = {step.object: step.place for step in draft.steps if step.skill == "push"}
        try:
            scene = draw_scene(rng, [Placement(phrase, pushes.get(phrase)) for phrase in phrases])
        except CrowdedError:
            continue
        return Assignment(scene, draft.steps, family.say(rng, wording, draft.slots))


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


# -- drawing what is to be done ----------------------------------------------------------------------------------------


def _movables(rng: np.random.Generator, count: int) -> list[str]:
    return [str(phrase) for phrase in rng.choice(MOVABLES, count, replace=False)]


def _put(thing: str, place: str) -> list[Step]:
    return [Step("pick", thing), Step("stack" if place in MOVABLES else "place", thing, place)]


def _container(rng: np.random.Generator) -> tuple[str, dict[str, str]]:
    container = str(rng.choice(CONTAINERS))
    return container, {"place": f"{PREPOSITIONS[container]} the {container}"}


PRESS = Step("press", BUTTON)


def _pick(rng: np.random.Generator) -> Draft:
    (a,) = _movables(rng, 1)
    return Draft((Step("pick", a),), {"a": a})


def _place(rng: np.random.Generator) -> Draft:
    (a,) = _movables(rng, 1)
    container, slots = _container(rng)
    return Draft(tuple(_put(a, container)), {"a": a, **slots})


def _stack(rng: np.random.Generator) -> Draft:
    a, b = _movables(rng, 2)
    return Draft(tuple(_put(a, b)), {"a": a, "b": b})


def _push(rng: np.random.Generator) -> Draft:
    (a,) = _movables(rng, 1)
    direction = str(rng.choice(DIRECTIONS))
    return Draft((Step("push", a, direction),), {"a": a, "direction": direction}, count=(2, 5))


def _press(rng: np.random.Generator) -> Draft:
    return Draft((PRESS,), {})


def _place_press(rng: np.random.Generator) -> Draft:
    draft = _place(rng)
    return Draft((*draft.steps, PRESS), draft.slots)


def _press_place(rng: np.random.Generator) -> Draft:
    draft = _place(rng)
    return Draft((PRESS, *draft.steps), draft.slots)


def _stack_press(rng: np.random.Generator) -> Draft:
    a, b = _movables(rng, 2)
    unique = {"a_colour": a.split()[0], "b_colour": b.split()[0]}
    twins = [f"{thing.split()[0]} {shape}" for thing in (a, b) for shape in SHAPES]
    if unique["a_colour"] == unique["b_colour"]:
        return _stack_press(rng)
    return Draft((*_put(a, b), PRESS), {"a": a, "b": b, **unique}, tuple(t for t in twins if t not in (a, b)))


def _push_press(rng: np.random.Generator) -> Draft:
    draft = _push(rng)
    return Draft((*draft.steps, PRESS), draft.slots, count=(2, 4))


def _push_place(rng: np.random.Generator) -> Draft:
    a, b = _movables(rng, 2)
    container, slots = _container(rng)
    direction = str(rng.choice(DIRECTIONS))
    steps = (Step("push", a, direction), *_put(b, container))
    return Draft(steps, {"a": a, "b": b, "direction": direction, **slots}, count=(3, 4))


def _place_two(rng: np.random.Generator) -> Draft:
    a, b = _movables(rng, 2)
    container, slots = _container(rng)
    return Draft((*_put(a, container), *_put(b, container)), {"a": a, "b": b, **slots})


def _stack_place(rng: np.random.Generator) -> Draft:
    a, b, c = _movables(rng, 3)
    container, slots = _container(rng)
    return Draft((*_put(a, b), *_put(c, container)), {"a": a, "b": b, "c": c, **slots})


def _all_of_a_shape(rng: np.random.Generator) -> Draft:
    shape = str(rng.choice(SHAPES))
    same = [phrase for phrase in MOVABLES if phrase.endswith(shape)]
    chosen = [str(phrase) for phrase in rng.choice(same, int(rng.integers(2, 4)), replace=False)]
    container, slots = _container(rng)
    steps = tuple(step for thing in chosen for step in _put(thing, container))
    return Draft(steps, {"shape": shape, **slots}, tuple(p for p in same if p not in chosen), count=(3, 5))


def _sort(rng: np.random.Generator) -> Draft:
    things = _movables(rng, int(rng.integers(2, 4)))
    first, second = (str(c) for c in rng.choice(CONTAINERS, 2, replace=False))
    steps = [*_put(things[0], first), *(step for thing in things[1:] for step in _put(thing, second))]
    slots = {
        "a": things[0],
        "place": f"{PREPOSITIONS[first]} the {first}",
        "rest": f"{PREPOSITIONS[second]} the {second}",
    }
    others = tuple(phrase for phrase in MOVABLES if phrase not in things)
    return Draft(tuple(steps), slots, others, count=(0, 0))


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


SKILLS, SHORT, LONG = "skills", "long_2_3", "long_4_6"

TASKS: dict[str, Task] = dict(
    [
        _task("pick", SKILLS, _pick, (1, 1),
              ["pick up the {a}", "grab the {a}", "lift the {a}", "please pick up the {a}"],
              ["take the {a}", "could you grasp the {a}", "pick the {a} up"]),
        _task("place", SKILLS, _place, (2, 2),
              ["put the {a} {place}", "place the {a} {place}", "pick up the {a} and place it {place}"],
              ["drop the {a} {place}", "please set the {a} {place}", "grab the {a} and put it {place}"]),
        _task("stack", SKILLS, _stack, (2, 2),
              ["stack the {a} on the {b}", "put the {a} on top of the {b}", "place the {a} on the {b}"],
              ["set the {a} on top of the {b}", "please stack the {a} on top of the {b}"]),
        _task("push", SKILLS, _push, (1, 1),
              ["push the {a} to the {direction}", "slide the {a} to the {direction}"],
              ["shove the {a} to the {direction}", "could you push the {a} to the {direction}"]),
        _task("press", SKILLS, _press, (1, 1),
              ["press the button", "push the button", "press the button please"],
              ["hit the button", "could you press the button"]),
        _task("place_press", SHORT, _place_press, (3, 3),
              ["put the {a} {place}, then press the button", "place the {a} {place} and then press the button"],
              ["first put the {a} {place}, after that push the button", "drop the {a} {place}, then hit the button"]),
        _task("press_place", SHORT, _press_place, (3, 3),
              ["press the button, then put the {a} {place}", "press the button and then place the {a} {place}"],
              ["first hit the button, then drop the {a} {place}", "push the button. then put the {a} {place}"]),
        _task("stack_press", SHORT, _stack_press, (3, 3),
              ["stack {a_colour} on {b_colour}, then press the button",
               "stack the {a} on the {b}, then press the button"],
              ["put the {a} on top of the {b}, after that press the button"]),
        _task("push_press", SHORT, _push_press, (2, 2),
              ["push the {a} to the {direction}, then press the button",
               "slide the {a} to the {direction} and then press the button"],
              ["first shove the {a} to the {direction}, then push the button"]),
        _task("push_place", SHORT, _push_place, (3, 3),
              ["push the {a} to the {direction}, then put the {b} {place}"],
              ["slide the {a} to the {direction}, after that place the {b} {place}"]),
        _task("place_two", LONG, _place_two, (4, 4),
              ["put the {a} and the {b} {place}", "place the {a} {place}, then place the {b} {place}"],
              ["first put the {a} {place}, then put the {b} {place}"]),
        _task("stack_place", LONG, _stack_place, (4, 4),
              ["stack the {a} on the {b}, then put the {c} {place}"],
              ["put the {a} on top of the {b}, after that place the {c} {place}"]),
        _task("all_of_a_shape", LONG, _all_of_a_shape, (4, 6),
              ["put all the {shape}s {place}", "put every {shape} {place}"],
              ["place all {shape}s {place}"]),
        _task("sort", LONG, _sort, (4, 6),
              ["put the {a} {place} and everything else {rest}", "put the {a} {place}, then put the rest {rest}"],
              ["place the {a} {place} and all the other objects {rest}"]),
    ]
)  # fmt: skip
