"""A pinhole camera over a table: pixels to places on the table and back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vla.types import Box


@dataclass(frozen=True)
class CameraView:
    """Where a camera stands, to a centimetre or so; positions are in the frame of the arm's base, z up."""

    position: tuple[float, float, float] = (0.60, 0.0, 0.46)
    """[m]"""
    target: tuple[float, float, float] = (0.185, 0.0, 0.03)
    """Point in the middle of the picture [m]."""
    fovy: float = 44.0
    """Vertical field of view [deg]."""

    @cached_property
    def _axes(self) -> NDArray[np.float64]:
        """Right, up and back of the camera, as columns (3, 3)."""
        back = np.subtract(self.position, self.target)
        back /= np.linalg.norm(back)
        right = np.cross([0.0, 0.0, 1.0], back)
        right /= np.linalg.norm(right)
        return np.stack([right, np.cross(back, right), back], axis=1)

    @property
    def _scale(self) -> float:
        return 0.5 / np.tan(np.deg2rad(self.fovy) / 2)

    def project(self, points: NDArray[np.float64], aspect: float = 1.0) -> NDArray[np.float64]:
        """Return where points (k, 3) [m] appear: (k, 2), normalised to the frame.

        Args:
            points: in front of the camera.
            aspect: width of the frame over its height.
        """
        local = (points - np.asarray(self.position)) @ self._axes  # (k, 3)
        depth = -local[:, 2]
        return np.stack(
            [0.5 + self._scale / aspect * local[:, 0] / depth, 0.5 - self._scale * local[:, 1] / depth], axis=1
        )

    def on_table(self, u: float, v: float, height: float = 0.0, aspect: float = 1.0) -> NDArray[np.float64]:
        """Return the point (x, y) [m] at which the ray through (u, v) is ``height`` [m] above the table."""
        ray = self._axes @ np.array([(u - 0.5) * aspect / self._scale, (0.5 - v) / self._scale, -1.0])
        return (np.asarray(self.position) + ray * (height - self.position[2]) / ray[2])[:2]

    def moved_box(self, box: Box, offset: NDArray[np.float64], height: float) -> Box | None:
        """Return where the box of a thing on the table would be if it were moved; None if that is out of view.

        Args:
            box: of the thing, its centre ``height`` [m] above the table.
            offset: on the table (2,) [m].
            height: [m]
        """
        here = self.on_table(*box.center, height)  # (2,)
        x, y = here + offset
        ((u, v),) = self.project(np.array([[x, y, height]]))
        growth = self.apparent_size(x, y, height)[0] / self.apparent_size(here[0], here[1], height)[0]
        half_width, half_height = growth * (box.x1 - box.x0) / 2, growth * (box.y1 - box.y0) / 2
        x0, x1 = np.clip([u - half_width, u + half_width], 0, 1)
        y0, y1 = np.clip([v - half_height, v + half_height], 0, 1)
        if x0 == x1 or y0 == y1:
            return None
        return Box(float(x0), float(y0), float(x1), float(y1), box.camera)

    def apparent_size(self, x: float, y: float, height: float) -> tuple[float, float]:
        """Return (frame heights a metre covers there, elevation from which the camera sees it [rad])."""
        offset = np.asarray(self.position) - np.array([x, y, height])
        depth = float(offset @ self._axes[:, 2])
        return self._scale / depth, float(np.arcsin(offset[2] / np.linalg.norm(offset)))

    def direction(self, name: str) -> NDArray[np.float64]:
        """Return the unit vector (x, y) on the table of left, right, front (towards the camera) or back."""
        axis = self._axes[:2, 0] if name in ("left", "right") else self._axes[:2, 2]
        return (-1.0 if name in ("left", "back") else 1.0) * axis / np.linalg.norm(axis)
