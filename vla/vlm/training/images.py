"""Images of views: decoded and resized each time, since all of them together are too large, and slightly recoloured."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vla.vlm.examples import View
from vla.vlm.processing import VlmProcessor

BRIGHTNESS, CONTRAST, GAIN = 0.2, 0.2, 0.1
"""Greatest change of all values (part of the range), of their spread, and of each colour channel (relative)."""


def decode(view: View, processor: VlmProcessor) -> Tensor:
    """Return the images of a view as the model takes them, before they are normalised, uint8 (I, 3, S, S)."""
    pictures = [Image.open(io.BytesIO(image)).convert("RGB") for image in view.images]
    resized = processor.image_processor(pictures, do_rescale=False, do_normalize=False, return_tensors="pt")
    return resized["pixel_values"].to(torch.uint8)


def normalise(images: Tensor, processor: VlmProcessor) -> Tensor:
    """Return uint8 images (I, 3, S, S) as the vision encoder takes them, float32."""
    settings: Any = processor.image_processor
    mean = torch.tensor(settings.image_mean, device=images.device)[:, None, None]
    std = torch.tensor(settings.image_std, device=images.device)[:, None, None]
    return (images.float() * settings.rescale_factor - mean) / std


def recolour(images: Tensor, random: np.random.Generator) -> Tensor:
    """Return uint8 images (I, 3, S, S) with brightness, contrast and colours of the light changed, each its own way.

    Nothing is mirrored or moved: left and right, and places, mean something.
    """
    count = len(images)
    values = images.float()
    contrast = torch.from_numpy(random.uniform(1 - CONTRAST, 1 + CONTRAST, (count, 1, 1, 1))).float()
    brightness = torch.from_numpy(random.uniform(-BRIGHTNESS, BRIGHTNESS, (count, 1, 1, 1))).float() * 255
    gain = torch.from_numpy(random.uniform(1 - GAIN, 1 + GAIN, (count, 3, 1, 1))).float()
    mean = values.mean(dim=(1, 2, 3), keepdim=True)
    return (((values - mean) * contrast + mean) * gain + brightness).clamp(0, 255).to(torch.uint8)
