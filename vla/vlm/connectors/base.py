"""What every connector is: patch features (B, N, D) in, language model tokens (B, M, hidden) out."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vla.errors import ConfigError


@dataclass(frozen=True)
class ConnectorSpec:
    """Sizes on both sides of a connector, and its own."""

    feature_dim: int
    """Channels of a patch, D."""
    grid: int
    """Patches along each side of the image; N = grid²."""
    hidden_dim: int
    """Width of the language model."""
    merge: int = 1
    """Side of the blocks of patches that become one token (linear, mlp)."""
    tokens: int = 16
    """Learned queries (qformer, perceiver)."""
    depth: int = 2
    heads: int = 8
    dim: int = 256
    objects: int = 10
    """Most objects that are told (objects)."""
    words: int = 2
    """Words an object (objects)."""
    states: int = 2
    """Words for what an object is in or on (objects)."""
    bins: int = 0
    """Location tokens."""


class Connector(nn.Module, ABC):
    """Base of the connectors: tokens, brought to the level of the language model's own embeddings."""

    num_tokens: int
    """Tokens an image, M."""
    side: int | None = None
    """Tokens along each side of the image, row by row; None where a token belongs to no place."""

    def __init__(self, spec: ConnectorSpec) -> None:
        super().__init__()
        self.level = nn.LayerNorm(spec.hidden_dim)

    @abstractmethod
    def tokens(self, features: Tensor) -> Tensor:
        """Return tokens (B, M, hidden) for patch features (B, N, D), at a level of their own."""

    def forward(self, features: Tensor) -> Tensor:
        """Return tokens (B, M, hidden) for patch features (B, N, D)."""
        return self.level(self.tokens(features))

    @torch.no_grad()
    def start_among(self, embeddings: Tensor, locations: Sequence[int]) -> None:
        """Put tokens where a language model's embeddings are: around their mean, as far from it as they.

        Args:
            embeddings: (V, hidden).
            locations: rows of the location tokens, in the order of their coordinates.
        """
        mean = embeddings.float().mean(dim=0)
        spread = (embeddings.float() - mean).norm(dim=1).mean()
        self.level.bias.copy_(mean)
        self.level.weight.fill_(spread / math.sqrt(len(mean)))


class MergedPatches(nn.Module):
    """Normalised patches, neighbours joined into blocks: an image of high resolution costs the language model less.

    Each patch has a learned vector for its place, which features of a convolutional network hardly tell. Pixel shuffle
    as in Idefics 3 (Laurençon et al. 2024, section 3.2), space to depth.

    Raises:
        ConfigError: blocks do not fill the grid.
    """

    def __init__(self, spec: ConnectorSpec) -> None:
        super().__init__()
        if spec.merge < 1 or spec.grid % spec.merge:
            divisors = [side for side in range(1, spec.grid + 1) if spec.grid % side == 0]
            raise ConfigError(
                f"connector_merge={spec.merge} does not divide the grid of {spec.grid} x {spec.grid} patches; "
                f"valid: {', '.join(map(str, divisors))}"
            )
        self.side = spec.grid // spec.merge
        self.merge = spec.merge
        self.num_tokens = self.side**2
        self.output_dim = spec.feature_dim * spec.merge**2
        self.norm = nn.LayerNorm(spec.feature_dim)
        self.places = nn.Parameter(0.02 * torch.randn(spec.grid**2, spec.feature_dim))

    def forward(self, features: Tensor) -> Tensor:
        """Return blocks (B, N / merge², D * merge²) of patches (B, N, D)."""
        batch, _, channels = features.shape
        blocks = (self.norm(features) + self.places).view(batch, self.side, self.merge, self.side, self.merge, channels)
        return blocks.transpose(2, 3).reshape(batch, self.num_tokens, self.output_dim)
