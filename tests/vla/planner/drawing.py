"""Pictures of a table drawn with the planner's own camera model: no simulator needed."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vla.planner.grounding import CameraView

VIEW = CameraView()
SIZE = 128
FINE = 8
TABLE = (150, 130, 105)
RGB = {"red": (215, 20, 20), "green": (25, 160, 30), "blue": (20, 45, 215), "pink": (245, 115, 180)}
HALF = 0.0125


def blank(table: tuple[int, int, int] = TABLE) -> NDArray[np.uint8]:
    return np.full((SIZE, SIZE, 3), table, np.uint8)


def fill(image: NDArray[np.uint8], points: NDArray[np.float64], rgb: tuple[int, int, int]) -> None:
    """Fill the convex hull of points (k, 3) [m]: the pixels whose centre lies in it, as a renderer does."""
    corners = cv2.convexHull((VIEW.project(points) * SIZE * FINE).round().astype(np.int32))
    mask = cv2.fillConvexPoly(np.zeros((SIZE * FINE, SIZE * FINE), np.uint8), corners, 1)
    image[mask[FINE // 2 :: FINE, FINE // 2 :: FINE] > 0] = rgb


def disc(x: float, y: float, z: float, radius: float) -> NDArray[np.float64]:
    angles = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    return np.column_stack([x + radius * np.cos(angles), y + radius * np.sin(angles), np.full(32, z)])


def square(x: float, y: float, z: float, half: float, yaw: float) -> NDArray[np.float64]:
    corners = disc(0, 0, z, half * np.sqrt(2))[4::8]
    turn = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    return corners @ turn.T + [x, y, 0]


def movable(image: NDArray[np.uint8], phrase: str, x: float, y: float, yaw: float = 0.6, z: float = 0.0) -> None:
    colour, shape = phrase.split()
    outline = disc(x, y, 0, HALF) if shape == "cylinder" else square(x, y, 0, HALF, yaw)
    top, bottom = outline + [0, 0, z + 2 * HALF], outline + [0, 0, z]
    dark = tuple(value // 2 for value in RGB[colour])
    fill(image, np.concatenate([top, bottom]), (dark[0], dark[1], dark[2]))
    fill(image, top, RGB[colour])


def bowl(image: NDArray[np.uint8], x: float, y: float) -> None:
    fill(image, np.concatenate([disc(x, y, 0.03, 0.052), disc(x, y, 0.0, 0.036)]), (200, 200, 198))
    fill(image, disc(x, y, 0.003, 0.036), (240, 240, 236))


def plate(image: NDArray[np.uint8], x: float, y: float) -> None:
    fill(image, disc(x, y, 0.005, 0.056), (26, 26, 28))


def button(image: NDArray[np.uint8], x: float, y: float, *, lit: bool = False) -> None:
    housing = square(x, y, 0, 0.021, 0.3)
    fill(image, np.concatenate([housing, housing + [0, 0, 0.014]]), (235, 235, 235))
    dome = disc(x, y, 0.014, 0.012)
    fill(image, np.concatenate([dome, dome + [0, 0, 0.006]]), (255, 242, 190) if lit else (15, 15, 15))
