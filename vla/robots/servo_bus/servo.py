"""One STS3215: its memory, and what the registers mean.

Addresses from Feetech's memory table of the STS series (firmware 3.x). Two-byte values are little-endian; signed ones
keep their sign in a bit of its own.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

RESOLUTION = 4096
"""Steps a turn."""
MIDDLE = 2047
"""Reading of a servo whose joint is at zero, with no homing offset."""
MEMORY = 128
MODEL = 777
FIRMWARE = (3, 10)
SET_MIDDLE = 128
"""Written to Torque_Enable, makes the present position the middle."""


class Register(IntEnum):
    """Address of a register that does something here; the others are memory only."""

    FIRMWARE = 0
    MODEL = 3
    ID = 5
    BAUD_RATE = 6
    RETURN_DELAY = 7
    STATUS_LEVEL = 8
    MIN_POSITION = 9
    MAX_POSITION = 11
    MAX_TEMPERATURE = 13
    MAX_VOLTAGE = 14
    MIN_VOLTAGE = 15
    MAX_TORQUE = 16
    PHASE = 18
    P = 21
    D = 22
    I = 23  # noqa: E741 - the manual's name
    HOMING_OFFSET = 31
    MODE = 33
    TORQUE_ENABLE = 40
    GOAL_POSITION = 42
    TORQUE_LIMIT = 48
    LOCK = 55
    PRESENT_POSITION = 56
    PRESENT_VELOCITY = 58
    PRESENT_LOAD = 60
    PRESENT_VOLTAGE = 62
    PRESENT_TEMPERATURE = 63
    STATUS = 65
    MOVING = 66
    PRESENT_CURRENT = 69


class Error(IntFlag):
    """Bits of a reply's error byte."""

    NONE = 0
    VOLTAGE = 1
    OVERHEAT = 4
    OVERCURRENT = 8
    OVERLOAD = 32


EEPROM_END = 40
"""First address that does not survive power-off."""
READ_ONLY = (range(0, 5), range(56, 71))
DEFAULTS = {
    (Register.MODEL, 2): MODEL,
    (Register.MAX_POSITION, 2): RESOLUTION - 1,
    (Register.STATUS_LEVEL, 1): 1,
    (Register.MAX_TEMPERATURE, 1): 70,
    (Register.MAX_VOLTAGE, 1): 80,
    (Register.MIN_VOLTAGE, 1): 40,
    (Register.MAX_TORQUE, 2): 1000,
    (Register.P, 1): 32,
    (Register.D, 1): 32,
    (Register.TORQUE_LIMIT, 2): 1000,
    (Register.PRESENT_VOLTAGE, 1): 74,
    (Register.PRESENT_TEMPERATURE, 1): 30,
}


def signed(value: int, bit: int) -> int:
    """Read a value whose sign is in ``bit``."""
    size = value & ((1 << bit) - 1)
    return -size if value >> bit & 1 else size


def unsigned(value: int, bit: int) -> int:
    """Write a value with its sign in ``bit``; larger ones are cut."""
    return min(abs(value), (1 << bit) - 1) | (value < 0) << bit


class Servo:
    """A servo on the bus.

    Args:
        id: its address.
    """

    def __init__(self, id: int) -> None:
        self.memory = bytearray(MEMORY)
        self.memory[0:2] = bytes(FIRMWARE)
        for (address, size), value in DEFAULTS.items():
            self.put(address, size, value)
        self.put(Register.ID, 1, id)
        self._saved = bytes(self.memory[:EEPROM_END])
        self.registered: tuple[int, bytes] | None = None
        """Write that waits for ACTION."""
        self.raw_position = float(MIDDLE)
        """Where the shaft is, without homing offset [steps]."""
        self._tripped = Error.NONE

    def get(self, address: int, size: int = 1) -> int:
        """Return a register's value."""
        return int.from_bytes(self.memory[address : address + size], "little")

    def put(self, address: int, size: int, value: int) -> None:
        """Set a register's value, without side effects."""
        self.memory[address : address + size] = (int(value) & (1 << 8 * size) - 1).to_bytes(size, "little")

    @property
    def id(self) -> int:
        """Address on the bus."""
        return self.get(Register.ID)

    @property
    def error(self) -> Error:
        """What is wrong now."""
        error = self._tripped
        voltage = self.get(Register.PRESENT_VOLTAGE)
        if not self.get(Register.MIN_VOLTAGE) <= voltage <= self.get(Register.MAX_VOLTAGE):
            error |= Error.VOLTAGE
        if self.get(Register.PRESENT_TEMPERATURE) > self.get(Register.MAX_TEMPERATURE):
            error |= Error.OVERHEAT
        return error

    @property
    def powered(self) -> bool:
        """Whether the motor holds its position: torque is on, and no protection has switched it off."""
        return bool(self.get(Register.TORQUE_ENABLE) & 1) and not self.error & (Error.OVERHEAT | Error.OVERLOAD)

    @property
    def goal(self) -> float:
        """Where it goes, without homing offset [steps]; within the position limits."""
        goal = signed(self.get(Register.GOAL_POSITION, 2), 15)
        low, high = self.get(Register.MIN_POSITION, 2), self.get(Register.MAX_POSITION, 2)
        return float(min(max(goal, low), high) + self._offset)

    @property
    def _offset(self) -> int:
        return signed(self.get(Register.HOMING_OFFSET, 2), 11)

    def read(self, address: int, size: int) -> bytes:
        """Return registers as the host sees them."""
        return bytes(self.memory[address : address + size])

    def write(self, address: int, data: bytes) -> None:
        """Change registers as the host may; what is read-only stays as it is."""
        if address == Register.TORQUE_ENABLE and data[:1] == bytes((SET_MIDDLE,)):
            self.put(Register.HOMING_OFFSET, 2, unsigned(round(self.raw_position) - MIDDLE, 11))
            self._show_position()
            return
        was_on = self.get(Register.TORQUE_ENABLE)
        if address <= Register.TORQUE_ENABLE < address + len(data):
            self._tripped = Error.NONE
        for i, value in enumerate(data):
            if address + i < MEMORY and not any(address + i in part for part in READ_ONLY):
                self.memory[address + i] = value
        if not was_on and self.get(Register.TORQUE_ENABLE):
            self.put(Register.GOAL_POSITION, 2, self.get(Register.PRESENT_POSITION, 2))  # no jump on powering up
        if address < EEPROM_END and not self.get(Register.LOCK):
            self._saved = bytes(self.memory[:EEPROM_END])
        self._show_position()

    def sense(self, position: float, velocity: float, load: float) -> None:
        """Take in where the shaft is [steps], how it moves [steps/s], and its load as a fraction of the torque."""
        self.raw_position = position
        self._show_position()
        self.put(Register.PRESENT_VELOCITY, 2, unsigned(round(velocity), 15))
        self.put(Register.PRESENT_LOAD, 2, unsigned(round(1000 * load), 10))
        self.put(Register.PRESENT_CURRENT, 2, unsigned(round(400 * load), 15))
        self.put(Register.MOVING, 1, abs(velocity) > 10)

    def _show_position(self) -> None:
        """Set the registers that follow from where the shaft is and from what the host has written."""
        self.put(Register.PRESENT_POSITION, 2, (round(self.raw_position) - self._offset) % RESOLUTION)
        self.put(Register.STATUS, 1, int(self.error))

    def trip(self, error: Error) -> None:
        """Let a protection switch the motor off, until torque is switched again."""
        self._tripped |= error

    def power_cycle(self) -> None:
        """Lose everything but the EEPROM."""
        fresh = Servo(self._saved[Register.ID])
        fresh.memory[:EEPROM_END] = self._saved
        self.memory, self._tripped, self.registered = fresh.memory, Error.NONE, None
        self.sense(self.raw_position, 0.0, 0.0)
