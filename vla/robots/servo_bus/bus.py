"""Servos that answer instructions, and what may go wrong on the wire."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field

from vla.robots.servo_bus.packets import BROADCAST, Code, Instruction, packet
from vla.robots.servo_bus.servo import MEMORY, Register, Servo

SILENT = (Code.WRITE, Code.REG_WRITE)
"""Instructions that are not answered by a servo of status level 0."""


@dataclass
class Faults:
    """What goes wrong on the wire; changed while the bus runs."""

    drop: float = 0.0
    """Fraction of the replies that get lost."""
    corrupt: float = 0.0
    """Fraction of the replies in which a bit is wrong."""
    delay: float = 0.0
    """Additional time until a reply [s]."""
    absent: set[int] = field(default_factory=set)
    """Servos that are unplugged."""
    seed: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def apply(self, reply: bytes) -> bytes:
        """Return what of a reply reaches the host."""
        if self._random.random() < self.drop:
            return b""
        if self._random.random() < self.corrupt:
            damaged = bytearray(reply)
            damaged[self._random.randrange(2, len(damaged))] ^= 1 << self._random.randrange(8)
            return bytes(damaged)
        return reply


class ServoBus:
    """Servos on one wire.

    Args:
        servos: each with its own id.
    """

    def __init__(self, servos: Iterable[Servo]) -> None:
        self.servos = tuple(servos)
        self.faults = Faults()

    def answer(self, instruction: Instruction) -> list[bytes]:
        """Carry an instruction out; return the replies in the order in which they come."""
        present = [servo for servo in self.servos if servo.id not in self.faults.absent]
        id, code, parameters = instruction
        match code:
            case Code.SYNC_READ if len(parameters) >= 2 and parameters[1] <= MEMORY:
                by_id = {servo.id: servo for servo in present}
                asked = [by_id[id] for id in parameters[2:] if id in by_id]
                return self._send(packet(s.id, s.error, s.read(parameters[0], parameters[1])) for s in asked)
            case Code.SYNC_WRITE if len(parameters) >= 2:
                address, size = parameters[:2]
                for start in range(2, len(parameters) - size, size + 1):
                    for servo in present:
                        if servo.id == parameters[start]:
                            servo.write(address, parameters[start + 1 : start + 1 + size])
                return []
        meant = [servo for servo in present if id in (servo.id, BROADCAST)]
        replies = [self._answer_one(servo, code, parameters) for servo in meant]
        if id == BROADCAST and code != Code.PING:
            return []
        return self._send(reply for reply in replies if reply)

    def _answer_one(self, servo: Servo, code: int, parameters: bytes) -> bytes:
        replies = code not in SILENT or servo.get(Register.STATUS_LEVEL) > 0
        id = servo.id
        match code:
            case Code.PING:
                return packet(id, servo.error)
            case Code.READ if len(parameters) == 2 and parameters[1] <= MEMORY:
                return packet(id, servo.error, servo.read(parameters[0], parameters[1]))
            case Code.WRITE if parameters:
                servo.write(parameters[0], parameters[1:])
            case Code.REG_WRITE if parameters:
                servo.registered = parameters[0], parameters[1:]
            case Code.ACTION:
                if servo.registered is not None:
                    servo.write(*servo.registered)
                    servo.registered = None
            case _:
                return b""
        return packet(id, servo.error) if replies else b""

    def _send(self, replies: Iterable[bytes]) -> list[bytes]:
        return [sent for reply in replies if (sent := self.faults.apply(reply))]
