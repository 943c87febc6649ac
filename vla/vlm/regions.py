"""Dynamic resolution: a square of a frame at its full resolution, beside the whole frame at the encoder's."""

from __future__ import annotations

from PIL import Image

from vla.types import Box

CONTEXT = 1.5
"""Side of a crop relative to the longer side of its region."""


def crop_region(image: Image.Image, region: Box, size: int) -> tuple[Image.Image, Box]:
    """Cut the square around a region out of a frame.

    The square shows the region with some surroundings, and is no smaller than ``size`` pixels, so that none is
    invented; but where the frame is small itself, half of its shorter side will do, so that the crop still magnifies.
    It is moved as needed to lie within the frame.

    Args:
        image: the frame.
        region: what to look at.
        size: side of the images that the encoder takes [px].

    Returns:
        The crop, in pixels of the frame, and what it covers of the frame.
    """
    width, height = image.size
    shorter = min(width, height)
    longest = max((region.x1 - region.x0) * width, (region.y1 - region.y0) * height)
    side = round(min(shorter, max(CONTEXT * longest, min(size, shorter / 2), 1)))
    x, y = region.center
    left = round(min(max(x * width - side / 2, 0), width - side))
    upper = round(min(max(y * height - side / 2, 0), height - side))
    covered = Box(left / width, upper / height, (left + side) / width, (upper + side) / height, region.camera)
    return image.crop((left, upper, left + side, upper + side)), covered
