"""What must be true after a step, and the planner that reads it off the simulator: the upper bound for planners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from envs.tabletop.experts.motion import at_ready
from envs.tabletop.scene import PUSH_DISTANCE, PUSH_VECTORS
from envs.tabletop.world import World
from vla.language import Step
from vla.types import Box, Done, Observation, Subgoal, SubgoalResult

PUSHED = 0.04
"""Distance along the direction from which an object counts as pushed [m]."""
PUSH_ANGLE = np.deg2rad(35.0)
"""Largest angle between the asked and the actual displacement [rad]."""
LIFTED = 0.05
"""Height from which an object counts as picked up [m]."""
TIME_LIMITS = {"pick": 12.0, "place": 10.0, "stack": 10.0, "push": 12.0, "press": 10.0}
"""Time limit of a subgoal a skill [s]."""


def achieved(world: World, step: Step) -> bool:
    """Whether what a step asks for is the case now."""
    match step.skill:
        case "pick":
            return world.holds(step.object) and bool(world.position(step.object)[2] > LIFTED)
        case "place":
            return world.inside(step.object, step.place or "")
        case "stack":
            return world.stacked(step.object, step.place or "")
        case "push":
            moved = world.displacement(step.object)
            along = float(moved @ PUSH_VECTORS[step.place or ""])
            return along > PUSHED and along > float(np.cos(PUSH_ANGLE) * np.hypot(*moved))
        case "press":
            return world.button_pressed
    raise ValueError(f"no success test for skill {step.skill!r}")


def outcomes(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Return the steps whose result must hold at the end: all but a pick whose object is put somewhere afterwards."""
    put = {step.object for step in steps if step.skill in ("place", "stack")}
    return tuple(step for step in steps if not (step.skill == "pick" and step.object in put))


class OraclePlanner:
    """Walks through the known steps, testing each on simulator state; goes back to the pick when an object was lost."""

    def __init__(self, world: World, steps: Sequence[Step]) -> None:
        self._world = world
        self._steps = tuple(steps)
        self._index = 0

    def reset(self) -> None:
        """Start from the first step."""
        self._index = 0

    def plan(self, observation: Observation, instruction: str, history: Sequence[SubgoalResult]) -> Subgoal | Done:
        """Return the first step that is not achieved; a step ends only once the arm is back at the ready pose."""
        world = self._world
        if at_ready(world):
            while self._index < len(self._steps) and achieved(world, self._steps[self._index]):
                self._index += 1
        if self._index == len(self._steps):
            return Done("all steps are achieved")
        step = self._steps[self._index]
        if step.skill in ("place", "stack") and at_ready(world) and not world.holds(step.object):
            self._index -= 1
            return replace(as_subgoal(world, self._steps[self._index]), after="failed")
        return as_subgoal(world, step)


def as_subgoal(world: World, step: Step) -> Subgoal:
    """Return a step as a subgoal, grounded in the front camera: what is approached, or where a push is to lead."""
    return Subgoal(
        text=step.text,
        skill=step.skill,
        object=step.object,
        place=step.place,
        box=_target(world, step),
        question=step.question,
        time_limit=TIME_LIMITS[step.skill],
    )


def _target(world: World, step: Step) -> Box | None:
    if step.skill == "push":
        return world.moved_box(step.object, PUSH_DISTANCE * np.array(PUSH_VECTORS[step.place or ""]))
    return world.box(step.approached)
