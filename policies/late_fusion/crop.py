"""Foveation: a crop of a frame around the goal box, or around a point that follows from the state."""

from __future__ import annotations

import torch
from torch import Tensor

from vla.errors import ConfigError


def goal_center(goal: Tensor) -> Tensor:
    """Return the centres (B, 2) of goal boxes [present, x0, y0, x1, y1] (B, 5); the frame's where one is absent."""
    return torch.where(goal[:, :1] > 0, (goal[:, 1:3] + goal[:, 3:5]) / 2, 0.5)


def projected_center(states: Tensor, projection: Tensor) -> Tensor:
    """Return where in the frame (B, 2) the point given by each state's first three numbers is seen.

    Args:
        states: (B, m), unnormalised.
        projection: (3, 4); of its product with [x, y, z, 1], the first two numbers divided by the third are fractions
            of width and height. A point that is not in front of the camera gives the frame's centre.
    """
    with torch.autocast(states.device.type, enabled=False):  # bfloat16 would move the point by pixels
        image = (states[:, None, :3] * projection[:, :3]).sum(-1) + projection[:, 3]  # (B, 3)
        depth = image[:, 2:]
        return torch.where(depth > 0, image[:, :2] / depth.clamp(min=1e-6), 0.5)


def crop_around(frames: Tensor, center: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Cut a square around a point of each frame, moved as needed to lie within the frame.

    Args:
        frames: (B, 3, H, W).
        center: (B, 2), fractions of width and height.
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
    corner = (center * extent - size / 2).round().clamp(min=0).minimum(extent - size)
    steps = torch.arange(size, device=frames.device)
    columns, rows = (corner.long()[..., None] + steps).unbind(1)  # (B, size) each
    samples = torch.arange(frames.shape[0], device=frames.device)[:, None, None]
    crops = frames.permute(0, 2, 3, 1)[samples, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    return crops, (corner + size / 2) / extent
