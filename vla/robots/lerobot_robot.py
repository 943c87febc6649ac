"""Any connected lerobot robot as a `vla.types.Robot`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vla.errors import ConfigError, RobotError
from vla.robots.servo_bus.servo import Error
from vla.robots.state_history import StateHistory
from vla.types import Observation

if TYPE_CHECKING:
    from lerobot.motors.feetech import FeetechMotorsBus
    from lerobot.robots import Robot
    from lerobot.robots.so_follower import SOFollower

POSITION = ".pos"
HEALTH_PERIOD = 0.2
"""Time between two looks at the servos' status [s]."""
PROMPT = 0.03
"""A bus that takes longer to answer has not been understood the first time, or answers what was asked before [s]."""
SETTLED = 1.0
"""Time without such trouble after which the servos' status is believed [s]."""
QUIET = 0.1
"""Time after which no reply to what was asked before is on its way any more [s]."""
BLACK = 8
"""A frame without a brighter pixel shows nothing."""
FAULTS = (OSError, RuntimeError)
"""What lerobot's drivers raise when a bus or a camera fails; connection and time-out errors are OSErrors."""


def connect(follower: SOFollower, attempts: int = 3) -> None:
    """Connect an SO-100 or SO-101 without asking on the terminal; lerobot greets the servos only once, which may fail.

    Raises:
        OSError, RuntimeError: the last attempt's.
    """
    port = follower.bus.port_handler
    for attempt in range(1, attempts + 1):
        try:
            follower.connect(calibrate=False)
            return
        except (*FAULTS, IndexError) as error:  # the driver indexes replies without looking at their length
            if port.is_open:
                port.closePort()
            port.is_using = False
            if attempt < attempts:
                time.sleep(QUIET)
            elif isinstance(error, FAULTS):
                raise
            else:
                raise ConnectionError("a servo's reply is of the wrong length") from error


class LerobotRobot:
    """Reads and commands joint positions in lerobot's units.

    Args:
        robot: connected.
        control_hz: rate at which it is going to be driven [Hz].
        image_size: (height, width) that the middle of each frame is scaled to [px]; None leaves frames as they come.
        camera_delay: time from what a camera sees to the time stamp of its frame [s].

    Raises:
        ConfigError: it is not moved by joint positions.
    """

    def __init__(
        self,
        robot: Robot,
        control_hz: float,
        image_size: tuple[int, int] | None = None,
        camera_delay: float = 0.0,
    ) -> None:
        actions = list(robot.action_features)
        if not actions or any(not name.endswith(POSITION) for name in actions):
            raise ConfigError(f"{robot.name} is moved by {', '.join(actions) or 'nothing'}, not by joint positions")
        self._robot, self._image_size = robot, image_size
        self.robot_type = robot.name
        self.control_hz = control_hz
        self.joint_names = tuple(name.removesuffix(POSITION) for name in actions)
        self.camera_names = tuple(name for name, kind in robot.observation_features.items() if isinstance(kind, tuple))
        self._started = time.perf_counter()
        self._camera_delay = camera_delay
        self._history = StateHistory()
        self._servos = _feetech_bus(robot)
        self._next_check = 0.0

    def observe(self, *, images: bool = True) -> Observation:
        """Read joints and cameras; the cameras' newest frames cost nothing, so they are always there.

        Frames are up to a period older than the joints that are read with them.

        Raises:
            RobotError: bus or camera fails, a camera is black, or a servo reports that something is wrong.
        """
        started = time.perf_counter()
        try:
            seen = self._read()
            now = time.perf_counter()
            if self._servos is not None and now - started > PROMPT:
                raise TimeoutError(f"the servo bus takes more than {1e3 * PROMPT:.0f} ms to answer")
            self._check_servos()
        except FAULTS as error:
            self._next_check = time.monotonic() + SETTLED
            raise RobotError(str(error) or type(error).__name__) from error
        state = np.array([seen[name + POSITION] for name in self.joint_names], dtype=np.float32)
        frames = {name: fitted(np.asarray(seen[name]), self._image_size) for name in self.camera_names}
        for name, frame in frames.items():
            if frame[::4, ::4].max() < BLACK:
                raise RobotError(f"camera {name} shows nothing but black")
        self._history.add(now, state)
        age = self._frame_age(now)
        return Observation(frames, state, now - self._started, age, self._history.at(now - age))

    def step(self, action: NDArray[np.float32]) -> None:
        """Send target joint positions (n,); returns at once.

        Raises:
            RobotError: the bus fails.
        """
        targets = {name + POSITION: float(value) for name, value in zip(self.joint_names, action, strict=True)}
        try:
            self._robot.send_action(targets)
        except FAULTS as error:
            raise RobotError(str(error) or type(error).__name__) from error

    def _frame_age(self, now: float) -> float:
        """Return the mean age of the cameras' newest frames [s]; a camera without time stamps counts as prompt."""
        stamps = [getattr(camera, "latest_timestamp", None) for camera in getattr(self._robot, "cameras", {}).values()]
        ages = [0.0 if stamp is None else max(0.0, now - stamp) for stamp in stamps]
        return float(np.mean(ages)) + self._camera_delay if ages else 0.0

    def _read(self) -> dict[str, Any]:
        if self._servos is not None:  # the driver would take a reply that came too late for the next one
            self._servos.port_handler.ser.reset_input_buffer()
        return self._robot.get_observation()

    def _check_servos(self) -> None:
        """Read the servos' status now and then: one that has switched itself off answers as if nothing had happened."""
        if self._servos is None or (now := time.monotonic()) < self._next_check:
            return
        self._next_check = now + HEALTH_PERIOD
        for name, status in self._servos.sync_read("Status", normalize=False).items():
            if status:
                raise RobotError(f"servo {name} reports {describe_status(int(status))}", lasting=True)


def describe_status(status: int) -> str:
    """Return what a servo's status byte says is wrong."""
    names = [bit.name.lower() for bit in Error if status & bit and bit.name]
    rest = status & ~sum(Error)
    return " and ".join([*names, f"status {rest}"] if rest else names)


def _feetech_bus(robot: Robot) -> FeetechMotorsBus | None:
    from lerobot.motors.feetech import FeetechMotorsBus

    bus = getattr(robot, "bus", None)
    return bus if isinstance(bus, FeetechMotorsBus) else None


def fitted(frame: NDArray[np.uint8], size: tuple[int, int] | None) -> NDArray[np.uint8]:
    """Return the middle of a frame (H, W, 3) scaled to ``size`` (height, width), its proportions kept."""
    if size is None or frame.shape[:2] == size:
        return frame
    import cv2

    (height, width), (rows, columns) = size, frame.shape[:2]
    scale = min(rows / height, columns / width)
    high, wide = round(height * scale), round(width * scale)
    top, left = (rows - high) // 2, (columns - wide) // 2
    return cv2.resize(frame[top : top + high, left : left + wide], (width, height), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]
