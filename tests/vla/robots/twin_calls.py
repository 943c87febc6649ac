"""What tests have a twin's process build and do; it imports no driver, so that the process starts quickly."""

from __future__ import annotations

import os
from typing import Literal

from envs.tabletop.powered_arm import PoweredArm
from envs.tabletop.simulation import TabletopSimulation
from vla.robots.bus_twin import BusTwin
from vla.robots.servo_bus.bus import Faults
from vla.robots.servo_bus.servo import Error


def make_arm() -> PoweredArm:
    simulation = TabletopSimulation(image_size=(48, 48))
    simulation.reset("press", 4)
    return PoweredArm(simulation)


def no_arm() -> PoweredArm:
    raise RuntimeError("out of arms")


def mend(twin: BusTwin) -> None:
    twin.bus.faults = Faults()
    twin.camera_fault = ""


def overload(twin: BusTwin, ids: tuple[int, ...]) -> None:
    for id in ids:
        twin.bus.servos[id - 1].trip(Error.OVERLOAD)


def raw_position(twin: BusTwin, id: int) -> float:
    return twin.bus.servos[id - 1].raw_position


def unplug(twin: BusTwin, id: int) -> None:
    twin.bus.faults.absent.add(id)


def damage_replies(twin: BusTwin, fraction: float) -> None:
    twin.bus.faults.corrupt = fraction


def spoil_cameras(twin: BusTwin, fault: Literal["frozen", "black", "unplugged"]) -> None:
    twin.camera_fault = fault


def fail(twin: BusTwin) -> None:
    raise ValueError(f"no servo {len(twin.bus.servos) + 1}")


def die(twin: BusTwin) -> None:
    os._exit(1)
