"""A card with printed words that lies on the table: painted into the frames, so that the world needs no such thing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from envs.tabletop.model import FRONT_CAMERA
from envs.tabletop.questions.drawing import Draw
from envs.tabletop.questions.visibility import segment
from envs.tabletop.world import World

SUPERSAMPLING = 4
LETTER = 40
"""Height of a capital letter in the printed picture [px]."""
LETTER_HEIGHTS = (0.050, 0.042, 0.036)
"""Height of a capital letter on the table, from the best to the smallest that can be read at 128² px [m]."""
TRIES = 60
COLOURS = (((250, 250, 245), (10, 10, 10)), ((255, 225, 60), (10, 10, 10)), ((30, 60, 150), (250, 250, 250)))
"""(card, letters) RGB."""


@dataclass(frozen=True)
class Card:
    """A printed card at its place."""

    text: str
    """Lines are separated by spaces when it is read."""
    picture: NDArray[np.uint8]
    """(h, w, 3)"""
    corners: NDArray[np.float64]
    """On the table (4, 3): upper left, upper right, lower right, lower left as the front camera reads it [m]."""


def lay_down(world: World, text: str, draw: Draw) -> Card | None:
    """Return a card at a place where the front camera sees all of it now, or None if there is no room.

    Args:
        world: the scene.
        text: words; each is a line of its own.
        draw: chooses place and colours.
    """
    picture = _print(text, *draw.one(COLOURS))
    free = segment(world, FRONT_CAMERA) == world.model.geom("table").id
    for letter in LETTER_HEIGHTS:
        height, width = np.array(picture.shape[:2]) * letter / LETTER
        for _ in range(TRIES // len(LETTER_HEIGHTS)):
            center = draw.rng.uniform([0.05, -0.26], [0.42, 0.26])
            corners = _corners(center, float(width) * 0.8, float(height), float(draw.rng.uniform(-0.15, 0.15)))
            place = world.project(corners)
            if place is not None and _all_free(place, free):
                return Card(text, picture, corners)
    return None


def paint(world: World, camera: str, frame: NDArray[np.uint8], card: Card) -> NDArray[np.uint8]:
    """Return a frame (H, W, 3) of the world's present state with the card; what is above the table hides it."""
    place = world.project(card.corners, camera)
    if place is None:
        return frame
    height, width = frame.shape[:2]
    h, w = card.picture.shape[:2]
    printed = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
    size = (width * SUPERSAMPLING, height * SUPERSAMPLING)
    seen = (place * size).astype(np.float32)
    turn = cv2.getPerspectiveTransform(printed, seen)
    shown = cv2.warpPerspective(card.picture, turn, size)
    covered = cv2.warpPerspective(np.ones((h, w), np.float32), turn, size)
    shown = cv2.resize(shown, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    covered = cv2.resize(covered, (width, height), interpolation=cv2.INTER_AREA)
    covered = (covered * (segment(world, camera) == world.model.geom("table").id))[..., None]
    return (frame * (1 - covered) + shown * np.minimum(covered, 1)).clip(0, 255).astype(np.uint8)


def _corners(center: NDArray, width: float, height: float, turn: float) -> NDArray[np.float64]:
    """Return corners (4, 3); letters run to +y and rise to -x, which is right and up for the front camera."""
    right = np.array([-np.sin(turn), np.cos(turn)])
    up = np.array([-np.cos(turn), -np.sin(turn)])
    flat = [center + a * width / 2 * right + b * height / 2 * up for a, b in ((-1, 1), (1, 1), (1, -1), (-1, -1))]
    return np.column_stack([flat, np.zeros(4)])


def _all_free(place: NDArray[np.float64], free: NDArray[np.bool_]) -> bool:
    """Whether a quadrilateral (4, 2) of the frame shows bare table only, with some room around."""
    height, width = free.shape
    if place.min() < 0.01 or place.max() > 0.99:
        return False
    covered = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(covered, np.round(place * (width, height)).astype(np.int32), 1)
    covered = cv2.dilate(covered, np.ones((3, 3), np.uint8))
    return bool(free[covered.astype(bool)].all())


@lru_cache(maxsize=64)
def _print(text: str, ground: tuple[int, int, int], ink: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return a card (h, w, 3) with a word a line in capital letters of height `LETTER`."""
    font = ImageFont.load_default(LETTER * 1.4)
    lines = text.split()
    boxes = [font.getbbox(line, stroke_width=2) for line in lines]
    width = round(max(box[2] - box[0] for box in boxes)) + LETTER
    step = round(1.35 * LETTER)
    card = Image.new("RGB", (width, step * len(lines) + LETTER // 2), ground)
    pen = ImageDraw.Draw(card)
    for index, (line, box) in enumerate(zip(lines, boxes, strict=True)):
        place = ((width - (box[2] - box[0])) / 2 - box[0], LETTER * 0.4 + index * step - box[1])
        pen.text(place, line, ink, font=font, stroke_width=2)
    return np.asarray(card)
