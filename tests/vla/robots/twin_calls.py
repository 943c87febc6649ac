"""What tests have a twin's process build and do; it imports no driver, so that the process starts quickly."""

from __future__ import annotations

import os

from envs.tabletop.powered_arm import PoweredArm
from envs.tabletop.simulation import TabletopSimulation
from vla.robots.bus_twin import BusTwin


def make_arm() -> PoweredArm:
    simulation = TabletopSimulation(image_size=(48, 48))
    simulation.reset("press", 4)
    return PoweredArm(simulation)


def no_arm() -> PoweredArm:
    raise RuntimeError("out of arms")


def raw_position(twin: BusTwin, id: int) -> float:
    return twin.bus.servos[id - 1].raw_position


def fail(twin: BusTwin) -> None:
    raise ValueError(f"no servo {len(twin.bus.servos) + 1}")


def die(twin: BusTwin) -> None:
    os._exit(1)
