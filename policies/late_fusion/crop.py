"""Foveation: a crop of a frame around the goal box."""

from __future__ import annotations

import torch
from torch import Tensor

from vla.errors import ConfigError


def crop_around_goal(frames: Tensor, goal: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Cut a square around each goal box's centre, moved as needed to lie within the frame.

    Args:
        frames: (B, 3, H, W).
        goal: [present, x0, y0, x1, y1] (B, 5); the crop is central where the goal is absent.
        size: side of the crop [px].

    Returns:
        Crops (B, 3, size, size) and the centres (B, 2) they were cut at, as fractions of width and height.

    Raises:
        ConfigError: the crop is larger than the frame.
    """
    height, width = frames.shape[-2:]
    if size > min(height, width):
        raise ConfigError(f"crop_size={size} is larger than the frame of {height} x {width} px")
    extent = torch.tensor([width, height], device=frames.device, dtype=torch.float32)
    center = torch.where(goal[:, :1] > 0, (goal[:, 1:3] + goal[:, 3:5]) / 2, 0.5)  # (B, 2)
    corner = (center * extent - size / 2).round().clamp(min=0).minimum(extent - size)
    steps = torch.arange(size, device=frames.device)
    columns, rows = (corner.long()[..., None] + steps).unbind(1)  # (B, size) each
    samples = torch.arange(frames.shape[0], device=frames.device)[:, None, None]
    crops = frames.permute(0, 2, 3, 1)[samples, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    return crops, (corner + size / 2) / extent
