"""What can go wrong with an arm on a bus, as functions for ``TwinProcess.call``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from vla.robots.bus_twin import BusTwin
from vla.robots.servo_bus.bus import Faults
from vla.robots.servo_bus.servo import DEFAULTS, Error, Register

HOT, LOW_VOLTAGE = 85, 35
"""Beyond the servos' limits [degrees C], [0.1 V]."""


def drop_replies(twin: BusTwin, fraction: float = 1.0) -> None:
    """Lose replies."""
    twin.bus.faults.drop = fraction


def corrupt_replies(twin: BusTwin, fraction: float = 1.0) -> None:
    """Damage replies."""
    twin.bus.faults.corrupt = fraction


def delay_replies(twin: BusTwin, seconds: float = 0.12) -> None:
    """Answer late; by default later than drivers wait."""
    twin.bus.faults.delay = seconds


def unplug_servo(twin: BusTwin, id: int = 3) -> None:
    """Take a servo off the bus."""
    twin.bus.faults.absent.add(id)


def overheat(twin: BusTwin, id: int = 3) -> None:
    """Let a servo get too hot."""
    twin.bus.servos[id - 1].put(Register.PRESENT_TEMPERATURE, 1, HOT)


def overload(twin: BusTwin, ids: Iterable[int] = (2,)) -> None:
    """Let the protection of servos switch their motors off."""
    for id in ids:
        twin.bus.servos[id - 1].trip(Error.OVERLOAD)


def sag_voltage(twin: BusTwin) -> None:
    """Supply too little voltage."""
    for servo in twin.bus.servos:
        servo.put(Register.PRESENT_VOLTAGE, 1, LOW_VOLTAGE)


def spoil_cameras(twin: BusTwin, fault: Literal["frozen", "black", "unplugged"]) -> None:
    """Show the same frames for ever, nothing but black, or none at all."""
    twin.camera_fault = fault


def mend(twin: BusTwin) -> None:
    """Undo all of the above; a motor that was switched off stays so until its torque is switched on again."""
    twin.bus.faults = Faults()
    twin.camera_fault = ""
    for servo in twin.bus.servos:
        for register in (Register.PRESENT_TEMPERATURE, Register.PRESENT_VOLTAGE):
            servo.put(register, 1, DEFAULTS[register, 1])
