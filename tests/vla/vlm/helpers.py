"""Frames and captions for tiny models."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla.types import Box
from vla.vlm.processing import VlmProcessor

CONNECTORS = ("linear", "mlp", "qformer", "perceiver")
COLOURS = {"red": (220, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 220), "grey": (128, 128, 128)}


def frame(seed: int = 0, height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    """Random RGB bytes (height, width, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def plain_frame(colour: str) -> NDArray[np.uint8]:
    """A frame of one colour."""
    return np.full((32, 32, 3), COLOURS[colour], np.uint8)


def mixed_batch(processor: VlmProcessor) -> Any:
    """Inputs of three prompts of different lengths: two images, one with a crop, and none."""
    return processor(
        text=["now <image> before <image>?", "a longer question about <image>, which goes on and on", "no picture"],
        images=[[frame(0), frame(1)], [frame(2)], []],
        regions=[[None, None], [Box(0.2, 0.2, 0.4, 0.5)], []],
    )
