"""What every vision encoder is: square images (B, 3, H, W) in, patch features (B, N, D) out."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class VisionEncoder(nn.Module, ABC):
    """Base of the vision encoders."""

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Return patch features (B, N, D), row by row, of normalised images (B, 3, H, W)."""
