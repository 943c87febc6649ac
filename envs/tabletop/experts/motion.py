"""Moves the hand toward targets: straight lines at bounded speed, solved by inverse kinematics each tick."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from envs.tabletop.experts.kinematics import HandKinematics, closing_direction
from envs.tabletop.world import READY_POSE, World

OPEN, GRIP, CLOSED = 38.0, 8.0, 0.0
"""Gripper commands: open for a grasp, squeezing an object, and shut [0-100]."""
FAST, SLOW = 0.24, 0.10
"""Hand speeds: free motion, and near things [m/s]."""
TURN_RATE = np.deg2rad(200.0)
"""Hand turning speed [rad/s]."""
JOINT_RATE = 110.0
"""Joint speed on the way to the ready pose [deg/s]."""
TOP_JOINT_RATE = 300.0
"""Bound of each joint's speed anywhere [deg/s]."""
GRIPPER_RATE = 160.0
"""Opening and closing speed [units/s]."""
RELEASE_RATE = 60.0
"""Opening speed while letting go: faster, the squeeze flicks the object off what it stands on [units/s]."""
LEAD, TURN_LEAD, JOINT_LEAD = 0.03, np.deg2rad(30.0), 15.0
"""How far a path may be ahead of the arm: the hand's position [m] and turn [rad], and each joint [deg]."""


class HandMotion:
    """Commands that carry the hand along, one a tick.

    The commands compensate for gravity, which the arm's position servos do not, so that the hand arrives where it is
    sent. When noise or a policy drives the hand off its path, the path is drawn along, so commands never jump.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._kinematics = HandKinematics()
        self._gains = world.model.actuator_gainprm[:, 0]
        self.restart()

    def restart(self) -> None:
        """Take the pose that is commanded now as the start of the path, so that commands go on from there."""
        self._joints = self._world.command.astype(np.float64)
        self._joints[:5] -= self._sag()
        self._kinematics.set_joints(self._joints)
        self._position = self._kinematics.hand_position()
        self._yaw = self._kinematics.hand_yaw()

    def hand_yaw(self) -> float:
        """Return the direction in which the jaws close, on the table [rad]."""
        return closing_direction(self._world.hand_rotation())

    def toward(
        self,
        position: ArrayLike,
        yaw: float,
        gripper: float,
        speed: float = FAST,
        gripper_rate: float = GRIPPER_RATE,
    ) -> NDArray[np.float32]:
        """Return the command (6,) for one tick on a straight line to a hand pose.

        Args:
            position: of the fingertips' frame (3,) [m].
            yaw: direction in which the jaws close [rad].
            gripper: opening to reach [0-100].
            speed: of the hand [m/s].
            gripper_rate: opening and closing speed [units/s].
        """
        period = 1.0 / self._world.control_hz
        hand, hand_yaw = self._world.hand_position(), self.hand_yaw()
        self._position = hand + _shorten(self._position - hand, LEAD)
        self._yaw = hand_yaw + np.clip(wrap(self._yaw - hand_yaw), -TURN_LEAD, TURN_LEAD)
        self._position = _step(self._position, np.asarray(position), speed * period)
        turn = wrap(yaw - self._yaw)
        self._yaw += np.clip(turn, -TURN_RATE * period, TURN_RATE * period)
        joints = self._kinematics.solve(self._position, self._yaw)
        limit = TOP_JOINT_RATE * period
        self._joints[:5] += np.clip(joints[:5] - self._joints[:5], -limit, limit)
        self._kinematics.set_joints(self._joints)
        return self._command(gripper, gripper_rate)

    def toward_ready(self, gripper: float) -> NDArray[np.float32]:
        """Return the command (6,) for one tick of joint motion to the ready pose."""
        measured = self._world.joint_positions()[:5]
        self._joints[:5] = measured + np.clip(self._joints[:5] - measured, -JOINT_LEAD, JOINT_LEAD)
        error = READY_POSE[:5] - self._joints[:5]
        limit = JOINT_RATE / self._world.control_hz
        self._joints[:5] += error * min(1.0, limit / max(np.abs(error).max(), 1e-9))
        self._kinematics.set_joints(self._joints)
        self._position = self._kinematics.hand_position()
        self._yaw = self.hand_yaw()
        return self._command(gripper)

    def near(self, position: NDArray, tolerance: float) -> bool:
        """Whether the hand is within ``tolerance`` [m] of a position."""
        return bool(np.linalg.norm(self._world.hand_position() - position) < tolerance)

    def above(self, position: NDArray, tolerance: float) -> bool:
        """Whether the hand is over a position, heights aside, within ``tolerance`` [m]."""
        return bool(np.hypot(*(self._world.hand_position() - position)[:2]) < tolerance)

    def turned(self, yaw: float, tolerance: float) -> bool:
        """Whether the jaws close along ``yaw`` within ``tolerance`` [rad]."""
        return abs(wrap(yaw - self.hand_yaw())) < tolerance

    def _command(self, gripper: float, gripper_rate: float = GRIPPER_RATE) -> NDArray[np.float32]:
        world = self._world
        current = self._joints[5]
        limit = gripper_rate / world.control_hz
        self._joints[5] = current + np.clip(gripper - current, -limit, limit)
        command = self._joints.copy()
        command[:5] += self._sag()
        limits = np.rad2deg(world.model.actuator_ctrlrange)
        command[:5] = np.clip(command[:5], limits[:5, 0], limits[:5, 1])
        return command.astype(np.float32)

    def _sag(self) -> NDArray[np.float64]:
        """Return how far gravity pulls the arm's joints (5,) below what is commanded [deg]."""
        world = self._world
        return np.rad2deg(world.data.qfrc_bias[world.qvel_index] / self._gains)[:5]


def at_ready(world: World, tolerance: float = 5.0) -> bool:
    """Whether the arm is at the ready pose, gripper aside, within ``tolerance`` [deg]."""
    return bool(np.abs(world.joint_positions()[:5] - READY_POSE[:5]).max() < tolerance)


def wrap(angle: float) -> float:
    """Return the angle between -pi and pi [rad]."""
    return float((angle + np.pi) % (2 * np.pi) - np.pi)


def nearest_turn(yaw: float, preferred: float, symmetry: float) -> float:
    """Return the yaw that looks the same under ``symmetry`` and is nearest to the preferred one [rad]."""
    return preferred + (yaw - preferred + symmetry / 2) % symmetry - symmetry / 2


def _step(current: NDArray, goal: NDArray, distance: float) -> NDArray:
    return current + _shorten(goal - current, distance)


def _shorten(vector: NDArray, length: float) -> NDArray:
    return vector * min(1.0, length / max(float(np.linalg.norm(vector)), 1e-9))
