"""Feetech's packets, protocol 0: ``FF FF id length instruction parameters checksum``, and replies alike.

A reply has an error byte in place of the instruction. ``length`` counts what follows it; the checksum is the inverted
sum of everything between header and checksum. Source: Feetech, "SMS/STS communication protocol manual".
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

HEADER = b"\xff\xff"
BROADCAST = 0xFE


class Code(IntEnum):
    """Instructions."""

    PING = 0x01
    READ = 0x02
    WRITE = 0x03
    REG_WRITE = 0x04
    ACTION = 0x05
    SYNC_READ = 0x82
    SYNC_WRITE = 0x83


class Instruction(NamedTuple):
    """What the host asks of a servo, or of all."""

    id: int
    code: int
    parameters: bytes


def checksum(body: bytes) -> int:
    """Return the checksum of what is between header and checksum."""
    return ~sum(body) & 0xFF


def packet(id: int, second: int, parameters: bytes = b"") -> bytes:
    """Return a packet; ``second`` is the instruction, or in a reply the error byte."""
    body = bytes((id, len(parameters) + 2, second)) + parameters
    return HEADER + body + bytes((checksum(body),))


class Reader:
    """Finds instructions in a stream of bytes; skips noise and packets with a wrong checksum."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Instruction]:
        """Take in bytes; return the instructions that are complete by now."""
        self._buffer += data
        found = []
        while (start := self._buffer.find(HEADER)) >= 0:
            del self._buffer[:start]
            while self._buffer[2:3] == b"\xff":  # a third FF belongs to the noise before the header
                del self._buffer[0]
            if len(self._buffer) < 4:
                break
            end = 4 + self._buffer[3]
            if self._buffer[3] < 2:
                del self._buffer[:2]
                continue
            if len(self._buffer) < end:
                break
            body, check = bytes(self._buffer[2 : end - 1]), self._buffer[end - 1]
            if check != checksum(body):
                del self._buffer[:2]
                continue
            found.append(Instruction(body[0], body[2], body[3:]))
            del self._buffer[:end]
        return found
