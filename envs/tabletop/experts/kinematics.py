"""Inverse kinematics of the SO-101 hand, on mink."""

from __future__ import annotations

from functools import cache

import mink
import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.tabletop.arm import HAND_SITE, arm_spec
from envs.tabletop.units import GRIPPER_RANGE, to_lerobot, to_radians

NEUTRAL = np.deg2rad([0.0, -60.0, 40.0, 75.0, 0.0, 0.0])
"""Posture that the redundant direction is pulled to [rad]."""


DAMPING = 3e-4
"""Keeps the solution from jumping where the hand's orientation is hardly controllable; it then takes a few ticks."""
LM_DAMPING = 1.0
"""More of it, by the square of what is left of the error: for poses out of reach."""


@cache
def _arm_model() -> mujoco.MjModel:
    return arm_spec("low").compile()


def hand_rotation(yaw: float) -> NDArray[np.float64]:
    """Return the hand's orientation (3, 3) pointing straight down, jaws closing along ``yaw`` [rad] on the table."""
    down = np.array([0.0, 0.0, -1.0])
    across = np.array([np.cos(yaw), np.sin(yaw), 0.0])
    return np.column_stack([down, np.cross(across, down), across])


def closing_direction(rotation: NDArray[np.float64]) -> float:
    """Return the direction on the table in which the jaws of a hand of that orientation (3, 3) close [rad]."""
    return float(np.arctan2(rotation[1, 2], rotation[0, 2]))


class HandKinematics:
    """Solves for joint angles that bring the hand to a pose, from the previous solution."""

    def __init__(self) -> None:
        model = _arm_model()
        self._configuration = mink.Configuration(model)
        # The arm has five joints: position is exact, the orientation yields where both cannot be had.
        self._hand = mink.FrameTask(HAND_SITE, "site", position_cost=1.0, orientation_cost=0.02, lm_damping=LM_DAMPING)
        self._posture = mink.PostureTask(model, cost=1e-4)
        self._posture.set_target(NEUTRAL)
        self._limits = [mink.ConfigurationLimit(model)]

    def set_joints(self, units: NDArray) -> None:
        """Start from measured joint positions (6,), lerobot units."""
        angles = to_radians(units)
        angles[5] = GRIPPER_RANGE[0]
        self._configuration.update(angles)

    def hand_position(self) -> NDArray[np.float64]:
        """Return the hand's position (3,) in the current solution [m]."""
        return self._configuration.get_transform_frame_to_world(HAND_SITE, "site").translation()

    def hand_yaw(self) -> float:
        """Return the direction on the table in which the jaws close, in the current solution [rad]."""
        rotation = self._configuration.get_transform_frame_to_world(HAND_SITE, "site").rotation()
        return closing_direction(rotation.as_matrix())

    def solve(self, position: NDArray, yaw: float, *, iterations: int = 3) -> NDArray[np.float32]:
        """Return joint positions (6,) in lerobot units that bring the hand nearest to a pose; the gripper is left at 0.

        Args:
            position: of the fingertips' frame (3,) [m].
            yaw: direction in which the jaws close [rad].
            iterations: Gauss-Newton steps; 3 follow a moving target, 60 reach one from anywhere.
        """
        rotation = mink.SO3.from_matrix(hand_rotation(yaw))
        self._hand.set_target(mink.SE3.from_rotation_and_translation(rotation, np.asarray(position, dtype=np.float64)))
        for _ in range(iterations):
            velocity = mink.solve_ik(
                self._configuration,
                [self._hand, self._posture],
                dt=1.0,
                solver="daqp",
                limits=self._limits,
                damping=DAMPING,
            )
            self._configuration.integrate_inplace(velocity, 1.0)
        units = to_lerobot(self._configuration.q.copy())
        units[5] = 0.0
        return units
