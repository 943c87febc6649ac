"""Attention of the conditioning over a camera's feature maps, with positions in keys and values."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

FREQUENCIES = 4
"""Octaves of sines and cosines that describe a number, so that small differences are as visible as large ones."""


def waves(angles: Tensor) -> Tensor:
    """Return the sines and cosines of angles (..., n) and their octaves: (..., 2 * n * FREQUENCIES)."""
    octaves = (angles[..., None] * 2.0 ** torch.arange(FREQUENCIES, device=angles.device)).flatten(-2)
    return torch.cat([octaves.sin(), octaves.cos()], dim=-1)


def fourier_features(points: Tensor) -> Tensor:
    """Return points in the unit square and their sines and cosines.

    Args:
        points: (..., 2).

    Returns:
        (..., 2 + 4 * FREQUENCIES).
    """
    return torch.cat([2 * points - 1, waves(math.pi * points)], dim=-1)


FOURIER_DIM = 2 + 4 * FREQUENCIES


class CameraAttention(nn.Module):
    """What the conditioning wants to know of a camera.

    Features are modulated by the conditioning (FiLM), then each query returns the mean feature and the mean position
    of where it looks, in each map.

    Args:
        channels: channels of each feature map.
        condition_dim: size of the conditioning.
        attention_dim: channels of keys and values.
        queries: queries a map.
        output_dim: size of the summary.
    """

    def __init__(
        self, channels: Sequence[int], condition_dim: int, attention_dim: int, queries: int, output_dim: int
    ) -> None:
        super().__init__()
        self.queries = queries
        self.maps = nn.ModuleList(MapAttention(c, condition_dim, attention_dim, queries) for c in channels)
        self.output = nn.Sequential(
            nn.Linear(len(channels) * queries * (attention_dim + 2), output_dim), nn.LayerNorm(output_dim), nn.SiLU()
        )

    def forward(self, maps: Sequence[Tensor], condition: Tensor) -> Tensor:
        """Return the summary (B, output_dim) of maps (B, C, h, w) for conditions (B, D)."""
        looks = [attend(features, condition) for attend, features in zip(self.maps, maps, strict=True)]
        return self.output(torch.cat(looks, dim=1))


class MapAttention(nn.Module):
    """Attention over one feature map; see ``CameraAttention``."""

    def __init__(self, channels: int, condition_dim: int, attention_dim: int, queries: int) -> None:
        super().__init__()
        self.shape = (queries, attention_dim)
        self.project = nn.Linear(channels, attention_dim)
        self.film = nn.Linear(condition_dim, 2 * attention_dim)
        self.key = nn.Linear(attention_dim, attention_dim)
        self.key_position = nn.Linear(FOURIER_DIM, attention_dim, bias=False)
        self.query = nn.Linear(condition_dim, queries * attention_dim)
        self._grids: dict[tuple[int, int, torch.device], tuple[Tensor, Tensor]] = {}

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        """Return values and positions looked at (B, Q * (A + 2)) in a map (B, C, h, w) for conditions (B, D)."""
        points, waves_of_points = self._grid_of(features)  # (N, 2), (N, F)
        gain, bias = self.film(condition)[:, None].chunk(2, dim=-1)  # (B, 1, A)
        values = torch.relu(self.project(features.flatten(2).transpose(1, 2)) * (1 + gain) + bias)  # (B, N, A)
        keys = self.key(values) + self.key_position(waves_of_points)
        queries = self.query(condition).view(-1, *self.shape)  # (B, Q, A)
        scores = queries @ keys.transpose(1, 2) / math.sqrt(self.shape[1])  # (B, Q, N)
        weights = torch.softmax(scores.float(), dim=-1)
        with torch.autocast(features.device.type, enabled=False):  # bfloat16 cannot tell neighbouring pixels apart
            where = weights @ points  # (B, Q, 2)
        what = weights.to(values.dtype) @ values  # (B, Q, A)
        return torch.cat([what.float(), where], dim=-1).flatten(1)

    def _grid_of(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the centres (N, 2) of a map's cells, -1 to 1 from edge to edge, and their Fourier features (N, F)."""
        height, width = features.shape[-2:]
        key = (height, width, features.device)
        if key not in self._grids:
            with torch.inference_mode(False):  # a later training step may need them
                self._grids[key] = _grid(height, width, features.device)
        return self._grids[key]


def _grid(height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    rows, columns = torch.arange(height, device=device), torch.arange(width, device=device)
    y, x = torch.meshgrid((rows + 0.5) / height, (columns + 0.5) / width, indexing="ij")
    points = torch.stack([x, y], dim=-1).view(-1, 2)
    return 2 * points - 1, fourier_features(points)
