"""The newest frames of some cameras, in memory that two processes share."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from multiprocessing.shared_memory import SharedMemory
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

HEADER = np.dtype([("slot", "<i8"), ("time", "<f8", 2)])
"""Which slot is the newest (-1: none yet), and when the frames in each were taken [s]."""


class BoardAddress(NamedTuple):
    """Where the other process finds a board."""

    name: str
    shapes: dict[str, tuple[int, int, int]]


class FrameBoard:
    """One process shows frames, another looks at them; neither waits.

    There are two slots. The one that is not the newest is filled, and then declared the newest, so a reader has a
    whole frame period to copy what it was pointed to.

    Args:
        shapes: camera -> (H, W, 3).
        name: of the board to look at; None makes one.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, int, int]], name: str | None = None) -> None:
        self.shapes = dict(shapes)
        size = sum(int(np.prod(shape)) for shape in self.shapes.values())
        self._memory = SharedMemory(name, create=name is None, size=HEADER.itemsize + 2 * size)
        self._header = np.ndarray((), HEADER, self._memory.buf)
        self._slots: list[dict[str, NDArray[np.uint8]]] = [{}, {}]
        offset = HEADER.itemsize
        for slot in self._slots:
            for camera, shape in self.shapes.items():
                slot[camera] = np.ndarray(shape, np.uint8, self._memory.buf, offset)
                offset += slot[camera].nbytes
        if name is None:
            self._header["slot"] = -1

    @property
    def address(self) -> BoardAddress:
        """What the other process makes its side of."""
        return BoardAddress(self._memory.name, self.shapes)

    def show(self, frames: Mapping[str, NDArray[np.uint8]], taken: float) -> None:
        """Replace the frames, ``taken`` on ``time.monotonic`` [s]; with none if there are no cameras any more."""
        if not frames:
            self._header["slot"] = -1
            return
        free = 1 - max(0, int(self._header["slot"]))
        for camera, frame in frames.items():
            self._slots[free][camera][:] = frame
        self._header["time"][free] = taken
        self._header["slot"] = free

    def latest(self) -> tuple[Mapping[str, NDArray[np.uint8]], float]:
        """Return copies of the newest frames, none at first, and when they were taken on ``time.monotonic`` [s]."""
        newest = int(self._header["slot"])
        if newest < 0:
            return {}, 0.0
        taken = float(self._header["time"][newest])
        return {camera: frame.copy() for camera, frame in self._slots[newest].items()}, taken

    def close(self, *, unlink: bool = False) -> None:
        """Let go of the memory; ``unlink`` gives it back to the system."""
        self._slots = []
        del self._header
        self._memory.close()
        if unlink:
            with contextlib.suppress(FileNotFoundError):
                self._memory.unlink()
