"""Coloured objects, containers and the button in a picture of the table, told apart by colour and size.

A coloured object is a patch of its hue; a cube covers more of the picture than a cylinder of the same width. Bowl,
plate and box have colours of their own. The button is a small black disc on white.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from vla.language import BUTTON
from vla.planner.grounding.camera import CameraView
from vla.types import Box

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Band:
    """A range of hue [deg], and the least saturation and value [0-1]; the hue may wrap at 360."""

    low: float
    high: float
    saturation: float
    value: float = 0.12

    def mask(self, hsv: NDArray[np.float32]) -> Mask:
        """Return the pixels (H, W) within the range."""
        hue = hsv[..., 0]
        inside = (
            (hue >= self.low) & (hue < self.high) if self.low < self.high else (hue >= self.low) | (hue < self.high)
        )
        return inside & (hsv[..., 1] >= self.saturation) & (hsv[..., 2] >= self.value)


COLOUR_BANDS = {
    "red": Band(345, 13, 0.70),
    "orange": Band(13, 43, 0.84),
    "yellow": Band(43, 72, 0.75),
    "green": Band(95, 150, 0.60),
    "cyan": Band(165, 205, 0.65),
    "blue": Band(212, 252, 0.65),
    "purple": Band(262, 296, 0.60),
    "pink": Band(296, 345, 0.28),
}


@dataclass(frozen=True)
class Detection:
    """Something found in the picture."""

    kind: str
    """``cube``, ``cylinder``, ``bowl``, ``plate``, ``box`` or ``button``."""
    colour: str | None
    box: Box
    area: float
    """Part of the frame that its pixels cover."""
    cubeness: float = 0.0
    """Above zero for a cube, below for a cylinder; near zero means unsure."""

    @property
    def phrase(self) -> str:
        """What it is called: ``red cube``, ``bowl``."""
        return f"{self.colour} {self.kind}" if self.colour else self.kind


@dataclass(frozen=True)
class Detector:
    """Finds things by thresholds, set for the tabletop suite's front camera on scenes of training seeds."""

    camera: str = "front"
    view: CameraView = field(default_factory=CameraView)
    bands: Mapping[str, Band] = field(default_factory=lambda: COLOUR_BANDS)
    size: float = 0.025
    """Edge of a cube, width and height of a cylinder [m]."""
    smallest: float = 0.35
    """Least area of a coloured object, as part of what a cylinder covers there."""
    largest: float = 2.2
    """Largest area of a coloured object, in the same unit."""
    cube_area: float = 1.11
    """Area from which on an object is a cube, in the same unit."""
    square: float = 0.84
    """Part of an object's width from which on both its top and its bottom row of pixels make it a cube seen face on."""
    brown: Band = Band(14, 33, 0.55)
    """Of the box."""
    black: float = 0.20
    """Value below which plate and button dome lie."""
    white: float = 0.045
    """Saturation below which bowl and button housing lie."""
    arm: tuple[float, float, float, float] = (0.39, 0.0, 0.62, 0.42)
    """Part of the picture that the arm covers at the ready pose: x0, y0, x1, y1."""
    far: float = 0.25
    """Height in the picture above which nothing stands."""
    container: tuple[float, float] = (0.16, 0.11)
    """Least width and height of a container in the picture."""
    bowl_skirt: float = 0.10
    """A bowl's box reaches this part of its visible height further down: its foot is narrower than its rim."""
    dome: tuple[float, float] = (0.03, 0.10)
    """Least and largest width of the button's dome in the picture."""
    housing: float = 0.026
    """Half the width of the button's housing, averaged over its yaw [m]."""

    def coloured(self, image: NDArray[np.uint8]) -> list[Detection]:
        """Return the cubes and cylinders of a frame (H, W, 3), from left to right; the arm may be anywhere."""
        hsv = _hsv(image)
        found = [
            detection for colour, band in self.bands.items() for detection in self._patches(colour, band.mask(hsv))
        ]
        return sorted(found, key=lambda detection: detection.box.center)

    def all_things(self, image: NDArray[np.uint8]) -> list[Detection]:
        """Return everything on the table in a frame (H, W, 3) taken at the ready pose.

        Of two objects of one colour, the larger is taken for the cube: an object's colour and shape are unique.
        """
        hsv = _hsv(image)
        found = self.coloured(image)
        for colour in self.bands:
            twins = sorted((d for d in found if d.colour == colour), key=lambda detection: detection.cubeness)
            if len(twins) == 2:
                for twin, kind in zip(twins, ("cylinder", "cube"), strict=True):
                    found[found.index(twin)] = replace(twin, kind=kind)
        free = _outside(self.arm, (hsv.shape[0], hsv.shape[1]))
        free[: round(self.far * len(free))] = False
        return found + self._containers(hsv, free) + self._buttons(hsv, free)

    def _patches(self, colour: str, mask: Mask) -> list[Detection]:
        height, width = mask.shape
        found = []
        for (left, top, right, bottom), patch in _components(mask):
            rows, columns = np.nonzero(patch)
            u, v = (columns.mean() + 0.5) / width, (rows.mean() + 0.5) / height
            x, y = self.view.on_table(u, v, self.size / 2, width / height)
            scale, elevation = self.view.apparent_size(x, y, self.size / 2)
            edge = scale * height * self.size  # [px]
            cylinder = edge**2 * (np.pi / 4 * np.sin(elevation) + np.cos(elevation))  # what a cylinder covers [px]
            area = len(rows) / cylinder
            if self.smallest <= area <= self.largest:
                edges = min(patch[top].sum(), patch[bottom - 1].sum()) / (right - left)
                cubeness = float(max(area - self.cube_area, edges - self.square))
                kind = "cube" if cubeness > 0 else "cylinder"
                box = Box(left / width, top / height, right / width, bottom / height, self.camera)
                found.append(Detection(kind, colour, box, len(rows) / mask.size, cubeness))
        return found

    def _containers(self, hsv: NDArray[np.float32], free: Mask) -> list[Detection]:
        """Return the largest white, black and brown patch, where they are as large as a container."""
        masks = {"bowl": self._white(hsv, free), "plate": self._black(hsv), "box": self.brown.mask(hsv)}
        found = []
        for kind, mask in masks.items():
            patches = _components(mask & free)
            if not patches:
                continue
            (left, top, right, bottom), patch = max(patches, key=lambda part: part[1].sum())
            height, width = mask.shape
            if right - left < self.container[0] * width or bottom - top < self.container[1] * height:
                continue
            skirt = self.bowl_skirt * (bottom - top) if kind == "bowl" else 0.0
            box = Box(left / width, top / height, right / width, min(1.0, (bottom + skirt) / height), self.camera)
            found.append(Detection(kind, None, box, float(patch.mean())))
        return found

    def _buttons(self, hsv: NDArray[np.float32], free: Mask) -> list[Detection]:
        """Return the button: a black disc with white around it."""
        black, white = self._black(hsv) & free, self._white(hsv, free)
        height, width = black.shape
        candidates = []
        for (left, top, right, bottom), patch in _components(black):
            if not self.dome[0] * width <= right - left <= self.dome[1] * width:
                continue
            around = cv2.dilate(patch.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool) & ~patch
            candidates.append((float(white[around].mean()), (left + right) / 2 / width, (top + bottom) / 2 / height))
        if not candidates or max(candidates)[0] < 0.5:
            return []
        _, u, v = max(candidates)
        box = self._housing_box(u, v, white | black)
        return [Detection(BUTTON, None, box, (box.x1 - box.x0) * (box.y1 - box.y0))]

    def _housing_box(self, u: float, v: float, mask: Mask) -> Box:
        """Return the box of the patch around the dome at (u, v); that of an average housing where it blends in."""
        height, width = mask.shape
        x, y = self.view.on_table(u, v, self.housing, width / height)
        reach = self.view.apparent_size(x, y, 0.0)[0] * self.housing  # [frame heights]
        for (left, top, right, bottom), patch in _components(mask):
            if patch[int(v * height), int(u * width)] and 1.5 * reach < (right - left) / height < 3.2 * reach:
                return Box(left / width, top / height, right / width, bottom / height, self.camera)
        half_width, half_height = reach * height / width, 0.8 * reach
        return Box(
            max(0.0, u - half_width), max(0.0, v - half_height),
            min(1.0, u + half_width), min(1.0, v + 1.2 * half_height), self.camera,
        )  # fmt: skip

    def pressed(self, image: NDArray[np.uint8], button: Box) -> bool:
        """Whether the button's dome has lit up: nothing black is left in its box of a frame (H, W, 3)."""
        black = self._black(_hsv(image))
        height, width = black.shape
        rows = slice(int(button.y0 * height), round(button.y1 * height))
        columns = slice(int(button.x0 * width), round(button.x1 * width))
        return bool(black[rows, columns].mean() < 0.05)

    def _black(self, hsv: NDArray[np.float32]) -> Mask:
        return (hsv[..., 2] < self.black) & (hsv[..., 1] < 0.5)

    def _white(self, hsv: NDArray[np.float32], free: Mask) -> Mask:
        """Return what is less coloured than the table or, on a grey table, brighter than it."""
        saturation, value = hsv[..., 1], hsv[..., 2]
        white = free & (saturation < self.white) & (value > self.black)
        if np.median(saturation[free]) > self.white + 0.015:
            return white
        counts, edges = np.histogram(value[free], bins=50, range=(0.0, 1.0))
        table = np.flatnonzero(counts > 0.07 * free.sum())  # values that fill more of the picture than any thing does
        return white & (value > edges[table[-1] + 1] + 0.02)


def _hsv(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return hue [deg], saturation and value [0-1] of an RGB frame: (H, W, 3)."""
    return np.asarray(cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2HSV), np.float32)


def _components(mask: Mask) -> list[tuple[tuple[int, int, int, int], Mask]]:
    """Return (left, top, right, bottom) [px] and mask (H, W) of each connected patch."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    found = []
    for label in range(1, count):
        left, top, width, height = (int(value) for value in stats[label, :4])
        found.append(((left, top, left + width, top + height), labels == label))
    return found


def _outside(area: tuple[float, float, float, float], shape: tuple[int, int]) -> Mask:
    """Return the pixels (H, W) outside a normalised rectangle."""
    height, width = shape
    x0, y0, x1, y1 = area
    free = np.ones(shape, bool)
    free[round(y0 * height) : round(y1 * height), round(x0 * width) : round(x1 * width)] = False
    return free
