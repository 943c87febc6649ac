"""The bus on a pseudo-terminal, at the speed of the wire."""

from __future__ import annotations

import os
import selectors
import threading
import time
import tty
from typing import Self

from vla.processes import Prompt
from vla.robots.servo_bus.bus import ServoBus
from vla.robots.servo_bus.packets import Reader
from vla.robots.servo_bus.servo import Register

BAUD_RATE = 1_000_000
BITS = 10
"""Bits on the wire for a byte."""
DELAY_UNIT = 2e-6
"""Unit of a servo's return delay [s]."""
NICENESS = -15
"""Of the thread that answers."""


class BusPort:
    """Serves a bus on a pseudo-terminal; use as a context manager.

    Attributes:
        path: what to give to a driver as its serial port.
        lock: held while an instruction is carried out; take it to change servos meanwhile.
    """

    def __init__(self, bus: ServoBus) -> None:
        self._bus = bus
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self.lock = threading.Lock()
        self._wake, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._serve, name="servo bus", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        os.write(self._waker, b"x")
        self._thread.join(timeout=2.0)
        for descriptor in (self._master, self._slave, self._wake, self._waker):
            os.close(descriptor)

    def _serve(self) -> None:
        """Run in the thread: servos do not wait for a computer's other work, and drivers 50 ms for a reply."""
        with Prompt(NICENESS):
            self._answer()

    def _answer(self) -> None:
        reader = Reader()
        selector = selectors.DefaultSelector()
        for descriptor in (self._master, self._wake):
            selector.register(descriptor, selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _ in selector.select()}
            if self._wake in ready:
                selector.close()
                return
            data = os.read(self._master, 4096)
            for instruction in reader.feed(data):
                with self.lock:
                    replies = self._bus.answer(instruction)
                    returns = [servo.get(Register.RETURN_DELAY) for servo in self._bus.servos]
                wire = (len(data) + sum(map(len, replies))) * BITS / BAUD_RATE
                time.sleep(wire + self._bus.faults.delay + len(replies) * DELAY_UNIT * max(returns, default=0))
                if replies:
                    os.write(self._master, b"".join(replies))
