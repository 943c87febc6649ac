"""Which table an episode begins with: a task of the suite's, or one whose objects lie in and on each other."""

from __future__ import annotations

import zlib
from dataclasses import replace

import mujoco
import numpy as np

from envs.tabletop.model import FLOOR_HEIGHT, body_name
from envs.tabletop.questions.drawing import Draw, has_held_out
from envs.tabletop.scene import HALF_SIZE, CrowdedError, Item, Placement, Scene, draw_scene
from envs.tabletop.tasks import PICTURED, TASKS, Assignment, assign
from envs.tabletop.world import World
from vla.language import BUTTON, COLOURS, CONTAINERS, SHAPES, Step

TABLE_TASK = "table"
"""Name of the episodes that belong to no task of the suite."""
SETS = {"all_of_a_shape": 0, "sort": 2}
"""Tasks that leave the order of some objects open -> index of the first step that this concerns."""
SETTLING = 120
"""Physics steps in which what has been put down comes to rest."""


def draw_assignment(seed: int, draw: Draw) -> tuple[str, Assignment]:
    """Return a task of the suite whose steps the split may show, and what it asks for.

    A test episode asks for a held-out combination, unless it picks or presses only.
    """
    names = [name for name, task in TASKS.items() if task.info.group != PICTURED]  # such words come with each moment
    names = draw.some(names, len(names))
    if draw.split == "test":  # most of the others have no held-out combination, and would be passed over
        simple = draw.chance(0.15)
        names.sort(key=lambda name: (name in ("pick", "press")) != simple)
    for round_ in range(1000):
        for name in names:
            assignment = assign(name, seed + _ROUND * round_, draw.split)
            places = [step.place for step in assignment.steps if step.place]
            if has_held_out(assignment.steps) == (draw.split == "test" and bool(places)):
                return name, assignment
    raise AssertionError("a thousand scenes of every task break the rule of the split")


_ROUND = 10_000_000
"""Distance between the seeds of further attempts; beyond all seeds that are asked for."""


def in_order(world: World, task: str, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return the steps with sets of objects from left to right in the front camera: an order that can be seen."""
    if task not in SETS:
        return steps
    first = SETS[task]
    pairs = [steps[index : index + 2] for index in range(first, len(steps), 2)]
    pairs.sort(key=lambda pair: _left(world, pair[0].object))
    return (*steps[:first], *(step for pair in pairs for step in pair))


def _left(world: World, phrase: str) -> float:
    box = world.box(phrase)
    return box.center[0] if box else 1.0


def draw_table(draw: Draw) -> tuple[Scene, dict[str, str]]:
    """Return a scene, and what is to lie where in it: object -> container or other object.

    Few colours are drawn, so that objects often share a colour or a shape.
    """
    colours = draw.some(COLOURS, 4)
    while True:
        containers = draw.some(CONTAINERS, draw.one((0, 1, 1, 2, 2)))
        movables = draw.some(
            [f"{colour} {shape}" for colour in colours for shape in SHAPES], draw.one((1, 2, 3, 4, 5, 5, 6, 6))
        )
        places: dict[str, str] = {}
        for phrase in movables[1:]:  # one remains on the table
            free = [place for place in containers if list(places.values()).count(place) < 2]
            bases = [base for base in movables if base not in places and base != phrase and base not in places.values()]
            if free and draw.chance(0.5):
                places[phrase] = draw.one(free)
            elif bases and phrase not in places.values() and draw.chance(0.35):
                places[phrase] = draw.one(bases)
        standing = [*containers, *(phrase for phrase in movables if phrase not in places)]
        if draw.chance(0.8):
            standing.append(BUTTON)
        try:
            scene = draw_scene(draw.rng, [Placement(phrase) for phrase in standing])
        except CrowdedError:
            continue
        waiting = [Item(phrase, -0.45, 0.08 * index, 0.0) for index, phrase in enumerate(places)]
        return replace(scene, items=(*scene.items, *waiting)), places


def arrange(world: World, places: dict[str, str], draw: Draw) -> None:
    """Put objects where they belong, let them come to rest, and let the episode begin then."""
    for place in dict.fromkeys(places.values()):
        inside = [phrase for phrase, where in places.items() if where == place]
        turn = draw.rng.uniform(-np.pi, np.pi)
        shift = 0.021 * np.array([np.cos(turn), np.sin(turn), 0.0])
        for side, phrase in zip((1, -1) if len(inside) == 2 else (0,), inside, strict=True):
            base = world.scene.item(place)
            height = 2 * HALF_SIZE if base.movable else FLOOR_HEIGHT + HALF_SIZE
            joint = world.data.joint(body_name(phrase))
            joint.qpos[:3] = world.position(place) + side * shift + [0.0, 0.0, height + 0.001]
            half = (base.yaw if base.movable else turn) / 2
            joint.qpos[3:] = [np.cos(half), 0.0, 0.0, np.sin(half)]
            joint.qvel[:] = 0.0
    for _ in range(SETTLING):
        mujoco.mj_step(world.model, world.data)
    world.data.time = 0.0
    world.start_positions = {phrase: world.position(phrase).copy() for phrase in world.scene.phrases}


def source_of_chance(seed: int, split: str) -> np.random.Generator:
    """Return the generator that decides everything about an episode but a suite task's scene."""
    return np.random.default_rng([seed, zlib.crc32(f"questions {split}".encode())])
