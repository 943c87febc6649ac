"""The camera of the protocol, and where in its frames a point of the scene is seen."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

CAMERA = "corner2"
POSITION = (0.75, 0.075, 0.7)
"""Where lerobot puts it [m]; the model has it elsewhere."""
LOOK_BELOW = 0.045
"""How far below the hand's measured position the fingertips are [m]."""


def place(model: mujoco.MjModel) -> None:
    """Put the camera where lerobot has it."""
    model.cam_pos[model.camera(CAMERA).id] = POSITION


def upright(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a frame (H, W, 3) with both axes flipped, as lerobot does, because the camera hangs upside down."""
    return frame[::-1, ::-1]


def projection(data: mujoco.MjData, *, below: float = 0.0) -> NDArray[np.float64]:
    """Return the matrix (3, 4) from points of the scene to upright square frames.

    Of ``matrix @ [x, y, z, 1]``, the first two numbers divided by the third are fractions of width and height.

    Args:
        data: with the camera's pose.
        below: project the point so far below [m].
    """
    camera = data.model.camera(CAMERA).id
    position, axes = data.cam_xpos[camera], data.cam_xmat[camera].reshape(3, 3)  # columns: right, up, backwards
    focal = 0.5 / np.tan(np.deg2rad(data.model.cam_fovy[camera]) / 2)  # in heights of the frame
    depth = -axes[:, 2]
    rotation = np.stack([depth / 2 - focal * axes[:, 0], depth / 2 + focal * axes[:, 1], depth])
    offset = np.array([0.0, 0.0, -below]) - position
    return np.hstack([rotation, (rotation @ offset)[:, None]])
