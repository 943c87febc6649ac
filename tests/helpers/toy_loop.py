"""The control loop around a toy robot, with planner and policy in processes of their own."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.helpers.careful import Careful
from tests.helpers.toy_suite import ToySimulation
from vla.errors import RobotError
from vla.runtime.control_loop import ControlLoop
from vla.runtime.partners import PlannerRequest, PolicyRequest
from vla.runtime.sidecar import Sidecar
from vla.types import ActionChunk, Box, Done, Hold, Observation, Plan, Refuse, Subgoal

Goals = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class MakePlanner:
    """Walks through points, as far as proprioception tells."""

    goals: Goals
    time_limit: float = 6.0
    seconds: float = 0.0
    grip: float | None = None

    def __call__(self) -> Callable[[PlannerRequest], Plan]:
        reached = 0

        def plan(request: PlannerRequest) -> Plan:
            nonlocal reached
            observation, instruction, *_ = request
            time.sleep(self.seconds)
            if instruction == "dance":
                return Refuse("cannot dance")
            if instruction == "think":
                return Hold("unsure")
            while reached < len(self.goals) and np.abs(observation.state - self.goals[reached]).max() < 1.0:
                reached += 1
            if reached == len(self.goals):
                return Done()
            x, y = np.array(self.goals[reached]) / 100
            return Subgoal(
                f"go to {reached}",
                "go",
                str(reached),
                box=Box(x - 0.01, y - 0.01, x + 0.01, y + 0.01),
                time_limit=self.time_limit,
                grip=self.grip,
            )

        return plan


@dataclass(frozen=True)
class MakePolicy:
    """Goes to the middle of the box, with a delay."""

    seconds: float = 0.02
    steps: int = 12

    def __call__(self) -> Callable[[PolicyRequest], ActionChunk]:
        def predict(request: PolicyRequest) -> ActionChunk:
            observation, subgoal = request
            assert observation.images
            time.sleep(self.seconds)
            assert subgoal.box is not None
            goal = 100 * np.array(subgoal.box.center, np.float32)
            return ActionChunk(np.tile(goal, (self.steps, 1)), observation.time)

        return predict


class ToyLoop:
    """What a loop needs, and the loop."""

    def __init__(self, planner: MakePlanner, policy: MakePolicy) -> None:
        self.robot = ToySimulation()
        self.safety = Careful()
        self.policy: Sidecar[PolicyRequest, ActionChunk] = Sidecar(policy, "policy")
        self.planner: Sidecar[PlannerRequest, Plan] = Sidecar(planner, "planner")
        for sidecar in (self.policy, self.planner):
            sidecar.wait_ready(60.0)

    def loop(self, **options: Any) -> ControlLoop:
        return ControlLoop(self.robot, self.policy, self.planner, self.safety, planner_period=0.3, **options)

    def close(self) -> None:
        self.policy.close()
        self.planner.close()


class Flaky(ToySimulation):
    """Fails in some of its ticks."""

    def __init__(self, reads: range = range(0), writes: range = range(0), lasting: bool = False) -> None:
        self.reads, self.writes, self.lasting = reads, writes, lasting
        self.calls = 0
        super().__init__()

    def observe(self, *, images: bool = True) -> Observation:
        self.calls += 1
        if self.calls in self.reads:
            raise RobotError("cannot be read", lasting=self.lasting)
        return super().observe(images=images)

    def step(self, action: NDArray[np.float32]) -> None:
        if self.calls in self.writes:
            raise RobotError("cannot be moved")
        super().step(action)
