"""A bus twin in a process of its own, where no driver's polling keeps it from answering."""

from __future__ import annotations

import json
import multiprocessing
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from vla.errors import VlaError
from vla.processes import own_modules_only, start_worker
from vla.robots.bus_twin import ArmPhysics, BusTwin
from vla.robots.frame_board import FrameBoard

START_SECONDS = 60.0
"""Longest time that the process may take to build the arm [s]."""
STOP_SECONDS = 5.0


class TwinProcess:
    """Runs a `BusTwin`; use as a context manager.

    Args:
        make_arm: called in the process, builds the arm. Must be picklable.
        fps: frames a second of the cameras; 0 for no cameras.

    Attributes:
        port: path of the serial port.

    Raises:
        VlaError: on entering, if the arm cannot be built.
    """

    def __init__(self, make_arm: Callable[[], ArmPhysics], fps: float = 0.0) -> None:
        self._make_arm, self._fps = make_arm, fps
        self.port = ""
        self._board: FrameBoard | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_run, args=(self._make_arm, self._fps, theirs), name="bus twin", daemon=True
        )
        with own_modules_only():
            self._process.start()
        theirs.close()
        try:
            self.port, address = self._receive(START_SECONDS)
            if address is not None:
                self._board = FrameBoard(address.shapes, address.name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._connection.close()
        self._process.join(STOP_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        if self._board is not None:
            self._board.close(unlink=True)

    def latest_frames(self) -> tuple[Mapping[str, NDArray[np.uint8]], float]:
        """Return the newest frames (H, W, 3) by camera, and when they were taken on ``time.monotonic`` [s]."""
        return self._board.latest() if self._board is not None else ({}, 0.0)

    def call[Result](self, function: Callable[[BusTwin], Result]) -> Result:
        """Return ``function(twin)``, called in the process between two updates, from any thread; both are picklable.

        Raises:
            VlaError: the process has died, or the function has failed.
        """
        with self._lock:
            try:
                self._connection.send(function)
            except OSError as error:
                raise VlaError("the bus twin's process has died") from error
            return self._receive(STOP_SECONDS)

    def calibrate(self, folder: Path, id: str) -> None:
        """Write the calibration to the servos, and to ``<folder>/<id>.json`` where a driver looks for it."""
        calibration = self.call(BusTwin.calibrate)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{id}.json").write_text(json.dumps(calibration, indent=4))

    def _receive(self, seconds: float) -> Any:
        try:
            if not self._connection.poll(seconds):
                raise VlaError(f"the bus twin has not answered for {seconds:g} s")
            result, error = self._connection.recv()
        except (EOFError, OSError) as error:
            raise VlaError("the bus twin's process has died") from error
        if error:
            raise VlaError(f"the bus twin failed: {error}")
        return result


class _Display:
    """Shows frames on a board that is made for the first ones, in the thread that renders."""

    board: FrameBoard | None = None

    def __call__(self, frames: Mapping[str, NDArray[np.uint8]], taken: float) -> None:
        if self.board is None:
            self.board = FrameBoard({name: frame.shape for name, frame in frames.items()})  # type: ignore[misc]
        self.board.show(frames, taken)


def _run(make_arm: Callable[[], ArmPhysics], fps: float, connection: Connection) -> None:
    """Run in the process."""
    start_worker()
    display = _Display()
    with ExitStack() as stack:
        try:
            twin = stack.enter_context(BusTwin(make_arm(), fps, display))
        except Exception as error:
            connection.send((None, str(error) or type(error).__name__))
            return
        connection.send(((twin.port, display.board.address if display.board else None), ""))
        while True:
            try:
                function = connection.recv()
            except EOFError:
                break
            try:
                answer = twin.call(function), ""
            except Exception as error:
                answer = None, f"{type(error).__name__}: {error}"
            connection.send(answer)
    if display.board is not None:
        display.board.close()
