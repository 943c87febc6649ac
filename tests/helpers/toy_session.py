"""A session on the toy simulation, with the toy planner and policy of the control loop's tests in their processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
from omegaconf import OmegaConf

from tests.helpers.toy_loop import MakePlanner, MakePolicy
from tests.helpers.toy_suite import CONTROL_HZ, ToySimulation
from vla.cli.assembly import Assembly, Station
from vla.cli.robots import Deployment
from vla.cli.rollouts import PlannerSpec
from vla.cli.safety import Guard
from vla.errors import InstructionError
from vla.runtime.sidecar import Sidecar
from vla.runtime.watchdog import Watchdog
from vla.safety.envelope import Envelope
from vla.safety.filter import SafetyFilter
from vla.types import ArmDescription

FAST = np.array([80.0, 80.0])


class ToyAssembly(Assembly):
    """Assembles the toys behind a real safety filter."""

    def __init__(
        self, stop_file: Path, planner: MakePlanner, robot: Callable[[], ToySimulation], **options: Any
    ) -> None:
        self.config = OmegaConf.create(
            {"seed": 1, "max_seconds": 20, "replan_ticks": 6, "blend_ticks": 0, "estop_port": None, "policy": "toy"}
            | {"robot": {"name": "toy"}}
            | options
        )
        self.stop_file, self.planning = stop_file, PlannerSpec("toy", period=0.3)
        self._remote = None
        self._make_planner, self._make_robot = planner, robot
        self.robots: list[ToySimulation] = []

    def __enter__(self) -> Self:
        self.planner = Sidecar(self._make_planner, "planner")
        self.policy = Sidecar(MakePolicy(), "policy")
        return self

    def __exit__(self, *exception: object) -> None:
        self.abandon()

    @contextmanager
    def open(self, instruction: str, seed: int | None, stop_requested: Callable[[], str]) -> Iterator[Station]:
        robot = self._make_robot()
        robot.reset("reach", seed or 0)
        self.robots.append(robot)
        zeros, hundreds = np.zeros(2, np.float32), np.full(2, 100.0, np.float32)
        arm = ArmDescription(
            lambda: None, robot.joint_names, "", lambda state: state, zeros, hundreds, np.array([50.0, 50.0])
        )
        limits = SafetyFilter(Envelope(zeros, hundreds, FAST, 4 * FAST, 40 * FAST, 1 / CONTROL_HZ), ramp_seconds=0.5)
        watchdog = Watchdog(robot, stop_requested, silence=5.0)
        yield Station(self, Deployment(robot, arm, "toy", seed, lambda: True, aim), Guard(limits), watchdog)


def aim(instruction: str) -> None:
    """Say whether success can be told."""
    if instruction == "dance":
        raise InstructionError("cannot dance")
