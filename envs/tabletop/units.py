"""Conversion between MuJoCo joint angles and the units that lerobot uses for a calibrated SO-101.

lerobot reports body joints in degrees from the middle of their calibrated range, and the gripper as 0 (closed) to 100
(fully open). The MJCF's joint zeros are the same mid-range poses.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

JOINT_NAMES = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper")
GRIPPER_RANGE = (-0.17453297762778586, 1.7453291995659765)
"""Gripper joint range of the MJCF [rad]."""


def to_lerobot(angles: NDArray) -> NDArray[np.float32]:
    """Convert joint angles (6,) [rad] to lerobot units: degrees, gripper 0-100."""
    low, high = GRIPPER_RANGE
    units = np.rad2deg(angles)
    units[5] = (angles[5] - low) / (high - low) * 100.0
    return units.astype(np.float32)


def to_radians(units: NDArray) -> NDArray[np.float64]:
    """Convert lerobot units (6,) to joint angles [rad]."""
    low, high = GRIPPER_RANGE
    angles = np.deg2rad(np.asarray(units, dtype=np.float64))
    angles[5] = low + float(units[5]) / 100.0 * (high - low)
    return angles
