"""A simulated SO-101 behind a servo bus: the driver of the real arm moves it, and cannot tell."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from queue import SimpleQueue
from typing import Any, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from vla.robots.servo_bus.bus import ServoBus
from vla.robots.servo_bus.port import BusPort
from vla.robots.servo_bus.servo import MIDDLE, RESOLUTION, Register, Servo

MOST_BEHIND = 0.1
"""Time that the physics catch up with [s]; the bus has to wait for the interpreter meanwhile."""
STEPS_PER_DEGREE = (RESOLUTION - 1) / 360.0
"""As lerobot converts."""


class ArmPhysics(Protocol):
    """The mechanics behind the servos. Joints are in degrees from the zero of their model."""

    joint_names: tuple[str, ...]
    low: NDArray[np.float64]
    """Ends of the joint ranges (n,) [deg]."""
    high: NDArray[np.float64]
    hz: float
    """Physics updates a second."""

    def advance(self, goals: NDArray[np.float64], powered: NDArray[np.bool_]) -> None:
        """Simulate ``1 / hz`` seconds with goals (n,) [deg] for the joints that are powered (n,)."""
        ...

    def angles(self) -> NDArray[np.float64]:
        """Return where the joints are (n,) [deg]."""
        ...

    def velocities(self) -> NDArray[np.float64]:
        """Return how fast they move (n,) [deg/s]."""
        ...

    def loads(self) -> NDArray[np.float64]:
        """Return the torque of each motor as a fraction of its greatest (n,)."""
        ...

    def frames(self) -> Mapping[str, NDArray[np.uint8]]:
        """Return what the cameras see now: name -> RGB (H, W, 3)."""
        ...

    def close(self) -> None:
        """Free what rendering took."""
        ...


class BusTwin:
    """Runs physics and bus in real time, in threads of its own; use as a context manager.

    Drivers wait 50 ms for a reply, polling all the while. In their process, threads of the twin would have to win the
    interpreter from them for each step of an answer: see `vla.robots.twin_process`.

    Args:
        physics: the arm.
        fps: frames a second of the cameras; 0 for no cameras.
        show: called with the newest frames, and when they were taken on ``time.monotonic`` [s]; without frames while
            the cameras are unplugged.

    Attributes:
        port: path of the serial port.
        physics: the arm; look at it only in a ``call``.
        bus: its servos and faults; look at them and change them only in a ``call``.
    """

    def __init__(
        self,
        physics: ArmPhysics,
        fps: float = 0.0,
        show: Callable[[Mapping[str, NDArray[np.uint8]], float], None] = lambda frames, taken: None,
    ) -> None:
        self.physics, self._fps, self._show_frames = physics, fps, show
        self.bus = ServoBus(Servo(i + 1) for i in range(len(physics.joint_names)))
        self._port = BusPort(self.bus)
        self.port = self._port.path
        self._lock = self._port.lock
        self._calls: SimpleQueue[tuple[Callable[[BusTwin], Any], Future[Any]]] = SimpleQueue()
        self._ended = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bus twin", daemon=True)
        self.camera_fault: Literal["", "frozen", "black", "unplugged"] = ""
        """What is wrong with the cameras."""

    def __enter__(self) -> Self:
        self._port.__enter__()
        self._thread.start()
        while not self._ready.wait(timeout=0.1):
            if not self._thread.is_alive():
                self.__exit__()
                raise RuntimeError("the bus twin's physics ended before it began")
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._thread.join(timeout=5.0)
        self._port.__exit__(*exception)

    def call[Result](self, function: Callable[[BusTwin], Result]) -> Result:
        """Return ``function(self)``, called between two updates of the physics, while the bus waits.

        Raises:
            RuntimeError: the physics have ended.
            Exception: the function's.
        """
        future: Future[Any] = Future()
        self._calls.put((function, future))
        while not future.done():
            if not self._thread.is_alive():
                raise RuntimeError("the bus twin's physics have ended")
            wait([future], timeout=0.1)
        return future.result()

    def calibration(self) -> dict[str, dict[str, int]]:
        """Return lerobot's calibration of this arm: joint -> id, drive_mode, homing_offset, range_min, range_max.

        Zero degrees is the middle of the range there; the gripper goes from closed to open.
        """
        entries = {}
        physics = self.physics
        for i, name in enumerate(physics.joint_names):
            low, high = _steps(physics.low[i]), _steps(physics.high[i])
            if "gripper" not in name:
                half = min(max(MIDDLE - low, high - MIDDLE), MIDDLE)
                low, high = MIDDLE - half, MIDDLE + half
            entries[name] = {
                "id": i + 1,
                "drive_mode": 0,
                "homing_offset": 0,
                "range_min": round(low),
                "range_max": round(high),
            }
        return entries

    def calibrate(self) -> dict[str, dict[str, int]]:
        """Write the calibration to the servos, and return it; call it before a driver connects, or in a ``call``."""
        calibration = self.calibration()
        for servo, entry in zip(self.bus.servos, calibration.values(), strict=True):
            servo.put(Register.MIN_POSITION, 2, entry["range_min"])
            servo.put(Register.MAX_POSITION, 2, entry["range_max"])
            servo.put(Register.HOMING_OFFSET, 2, 0)
        return calibration

    def _run(self) -> None:
        """Run in the thread, which also frees what rendering took: contexts belong to threads."""
        try:
            self._simulate()
        finally:
            self.physics.close()

    def _simulate(self) -> None:
        physics, servos = self.physics, self.bus.servos
        start, done = time.perf_counter(), 0
        next_frame = 0.0
        while not self._ended.is_set():
            now = time.perf_counter() - start
            if self._fps > 0 and now >= next_frame and self.camera_fault != "frozen":
                taken = time.monotonic()
                self._show_frames(self._seen(physics.frames()), taken)
                next_frame = max(next_frame + 1 / self._fps, now)
            due = int(now * physics.hz)
            behind = int(MOST_BEHIND * physics.hz)
            if due - done > behind:  # a machine that cannot keep up slows down instead of running ever later
                done = due - behind
            for _ in range(due - done):
                with self._lock:
                    goals = np.array([_degrees(servo.goal) for servo in servos])
                    powered = np.array([servo.powered for servo in servos])
                physics.advance(goals, powered)
                done += 1
            self._show(servos)
            self._answer_calls()
            self._ready.set()
            time.sleep(0.3 / physics.hz)

    def _seen(self, frames: Mapping[str, NDArray[np.uint8]]) -> Mapping[str, NDArray[np.uint8]]:
        """Return what the cameras make of frames."""
        if self.camera_fault == "unplugged":
            return {}
        return {name: np.zeros_like(frame) for name, frame in frames.items()} if self.camera_fault else frames

    def _answer_calls(self) -> None:
        while not self._calls.empty():
            function, future = self._calls.get()
            try:
                with self._lock:
                    future.set_result(function(self))
            except Exception as error:
                future.set_exception(error)

    def _show(self, servos: Sequence[Servo]) -> None:
        angles, velocities, loads = self.physics.angles(), self.physics.velocities(), self.physics.loads()
        with self._lock:
            for servo, angle, velocity, load in zip(servos, angles, velocities, loads, strict=True):
                servo.sense(_steps(angle), velocity * STEPS_PER_DEGREE, float(load))


def _steps(degrees: float) -> float:
    return MIDDLE + float(degrees) * STEPS_PER_DEGREE


def _degrees(steps: float) -> float:
    return (steps - MIDDLE) / STEPS_PER_DEGREE
