"""Image and goal-box augmentation, batched, drawn per sample."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def random_shift(frames: Tensor, pixels: int) -> tuple[Tensor, Tensor]:
    """Move each frame by up to ``pixels`` in x and y, repeating its border.

    Args:
        frames: (B, 3, H, W).
        pixels: largest displacement [px].

    Returns:
        Moved frames, and the displacement (B, 2) of their content as a fraction of width and height.
    """
    count, _, height, width = frames.shape
    offsets = torch.randint(0, 2 * pixels + 1, (count, 2))
    padded = functional.pad(frames, (pixels,) * 4, mode="replicate")
    moved = torch.empty_like(frames)
    for i, (x, y) in enumerate(offsets.tolist()):
        moved[i] = padded[i, :, y : y + height, x : x + width]
    displacement = (pixels - offsets) / torch.tensor([width, height])
    return moved, displacement.to(frames.device)


def colour_gains(
    count: int, brightness: float, contrast: float, colour: float, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Draw the gain and the offset (B, 3, 1, 1) of frames centred at zero with range [-1, 1]."""
    gain = 1 + contrast * _symmetric((count, 1, 1, 1), device) + colour * _symmetric((count, 3, 1, 1), device)
    return gain, 2 * brightness * _symmetric((count, 1, 1, 1), device)


def move_goal(goal: Tensor, displacement: Tensor) -> Tensor:
    """Move goal boxes (B, 5) by displacements (B, 2); boxes stay within the frame, absent ones stay zero."""
    corners = (goal[:, 1:] + displacement.repeat(1, 2)).clamp(0, 1)
    return torch.cat([goal[:, :1], corners * goal[:, :1]], dim=1)


def jitter_goal(goal: Tensor, deviation: float) -> Tensor:
    """Disturb centre and size of goal boxes (B, 5) as an imperfect detector would; absent ones stay zero."""
    low, high = goal[:, 1:3], goal[:, 3:5]
    center = (low + high) / 2 + deviation * torch.randn_like(low)
    half = (high - low) / 2 * torch.exp(10 * deviation * torch.randn_like(low))
    corners = torch.cat([center - half, center + half], dim=1).clamp(0, 1)
    return torch.cat([goal[:, :1], corners * goal[:, :1]], dim=1)


def keep_mask(count: int, dropout: float, device: torch.device) -> Tensor:
    """Draw which samples (B, 1) are kept, as 0 or 1."""
    return (torch.rand(count, 1, device=device) >= dropout).float()


def _symmetric(shape: tuple[int, ...], device: torch.device) -> Tensor:
    return 2 * torch.rand(shape, device=device) - 1
