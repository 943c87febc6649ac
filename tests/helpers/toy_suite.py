"""A kinematic toy suite: two joints move at once to where they are told; subgoals are points to reach."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vla.errors import UnknownNameError, VlaError
from vla.types import (
    ActionChunk,
    Box,
    Done,
    Observation,
    Plan,
    Refuse,
    Subgoal,
    SubgoalResult,
    TaskInfo,
)

CONTROL_HZ = 10.0
SPEED = 5.0
"""Largest motion of a joint in one tick."""
TOLERANCE = 1.0
TASKS = {
    task.name: task
    for task in (
        TaskInfo("reach", "skills", "go to a point", max_seconds=6.0),
        TaskInfo("hold", "skills", "go to a point near by", max_seconds=6.0),
        TaskInfo("tour", "long", "go to two points", max_seconds=12.0, min_subgoals=2, max_subgoals=2),
    )
}


class ToySimulation:
    """Follows the Simulation protocol; every fourth seed of ``reach`` cannot be accomplished."""

    suite: str = "toy"
    version: str = "1"
    robot_type: str = "toy"
    control_hz: float = CONTROL_HZ
    camera_names: tuple[str, ...] = ("front", "wrist")
    joint_names: tuple[str, ...] = ("x", "y")

    def __init__(self, image_size: int = 32) -> None:
        self.image_size = image_size
        self.renders = 0
        self.judges = True
        self.reset("reach", 0)

    def reset(self, task: str, seed: int, *, wording: Literal["train", "test"] = "train") -> None:
        if task not in TASKS:
            raise UnknownNameError("task", task, TASKS)
        random = np.random.default_rng([seed, len(task)])
        self.task: str = task
        self.seed: int = seed
        self.targets = [random.uniform(20, 80, 2) for _ in range(TASKS[task].max_subgoals)]
        self.names = [f"point {index}" for index in range(len(self.targets))]
        self.impossible = task == "reach" and seed % 4 == 3
        self.instruction: str = f"{'please ' if wording == 'test' else ''}go to {' then '.join(self.names)}"
        self.visited = 0
        self.state = np.full(2, 50.0)
        self.ticks = 0
        self.actions: list[NDArray[np.float32]] = []

    def reset_for_instruction(self, instruction: str, seed: int | None = None) -> None:
        if not instruction.startswith("go to"):
            raise VlaError(f"cannot parse {instruction!r}")
        self.reset("tour" if "then" in instruction else "reach", seed or 0)
        self.instruction = instruction

    def observe(self, *, images: bool = True) -> Observation:
        self.renders += images
        frame = np.full((self.image_size, self.image_size, 3), self.ticks % 256, np.uint8)
        frames = dict.fromkeys(self.camera_names, frame) if images else {}
        return Observation(frames, self.state.astype(np.float32), self.ticks / CONTROL_HZ)

    def step(self, action: NDArray[np.float32]) -> None:
        self.actions.append(np.array(action))
        self.state = self.state + np.clip(action - self.state, -SPEED, SPEED)
        self.ticks += 1
        if not self.impossible and self.visited < len(self.targets):
            self.visited += bool(np.abs(self.state - self.targets[self.visited]).max() < TOLERANCE)

    def succeeded(self) -> bool:
        return self.visited == len(self.targets)

    def failure_reason(self) -> str:
        return "" if self.succeeded() else "point not reached"

    def subgoal(self, index: int) -> Subgoal:
        x, y = self.targets[index] / 100
        box = Box(x - 0.05, y - 0.05, x + 0.05, y + 0.05)
        return Subgoal(f"go to {self.names[index]}", "go", self.names[index], box=box, time_limit=3.0)

    def oracle(self) -> ToyOracle:
        return ToyOracle(self)

    def expert(self, *, perturb: float = 0.0) -> ToyExpert:
        return ToyExpert(self, perturb)

    def close(self) -> None:
        pass


class ToyOracle:
    def __init__(self, simulation: ToySimulation) -> None:
        self._simulation = simulation
        self.asked_at: list[float] = []

    def reset(self) -> None:
        self.asked_at.clear()

    def plan(self, observation: Observation, instruction: str, history: Sequence[SubgoalResult]) -> Plan:
        assert observation.images
        self.asked_at.append(observation.time)
        if "nowhere" in instruction:
            return Refuse("there is no such point")
        simulation = self._simulation
        return Done() if simulation.succeeded() else simulation.subgoal(simulation.visited)


class ToyExpert:
    def __init__(self, simulation: ToySimulation, perturb: float = 0.0) -> None:
        self._simulation = simulation
        self._perturb = perturb
        self._index = 0
        self.executed: NDArray[np.float32] = np.zeros(2, np.float32)

    def reset(self, subgoal: Subgoal) -> None:
        self._index = self._simulation.names.index(subgoal.object)
        self._random = np.random.default_rng(self._simulation.seed)

    def act(self) -> NDArray[np.float32]:
        clean = self._simulation.targets[self._index].astype(np.float32)
        noise = self._random.uniform(-1, 1, 2).astype(np.float32)
        self.executed = (clean + self._perturb * noise).astype(np.float32)
        return clean


class ToyPolicy:
    """Goes to the middle of the subgoal's box."""

    n_action_steps = 4

    def __init__(self) -> None:
        self.calls: list[tuple[float, str]] = []

    def reset(self) -> None:
        self.calls.clear()

    def predict_chunk(self, observation: Observation, subgoal: Subgoal) -> ActionChunk:
        assert observation.images and subgoal.box is not None
        self.calls.append((observation.time, subgoal.text))
        action = 100 * np.array(subgoal.box.center, np.float32)
        return ActionChunk(np.tile(action, (8, 1)), observation.time)


class ToySuite:
    name = "toy"
    version = "1"
    tasks = TASKS
    packages = ()

    def select(self, text: str) -> list[TaskInfo]:
        chosen = [task for task in TASKS.values() if text in ("all", task.group) or task.name in text.split(",")]
        if not chosen:
            raise UnknownNameError("task", text, ["all", "skills", "long", *TASKS])
        return chosen

    def make(self, **options: int) -> ToySimulation:
        return ToySimulation(**options)


suite = ToySuite()
