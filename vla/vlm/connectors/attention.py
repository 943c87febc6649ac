"""Parts that the query-based connectors share."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from vla.errors import ConfigError
from vla.vlm.connectors.base import ConnectorSpec

EXPANSION = 4
"""Width of a feed-forward network relative to its input."""


class Attention(nn.Module):
    """Multi-head attention of queries over a context.

    Raises:
        ConfigError: ``heads`` does not divide ``dim``.
    """

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        if heads < 1 or dim % heads:
            raise ConfigError(f"connector_heads={heads} does not divide connector_dim={dim}")
        self.heads = heads
        self.query = nn.Linear(dim, dim)
        self.key_value = nn.Linear(dim, 2 * dim)
        self.output = nn.Linear(dim, dim)

    def forward(self, queries: Tensor, context: Tensor) -> Tensor:
        """Return what queries (B, M, dim) gather from a context (B, N, dim): (B, M, dim)."""
        query = self._split(self.query(queries))
        key, value = map(self._split, self.key_value(context).chunk(2, dim=-1))
        gathered = functional.scaled_dot_product_attention(query, key, value)  # (B, heads, M, dim / heads)
        return self.output(gathered.transpose(1, 2).flatten(2))

    def _split(self, tokens: Tensor) -> Tensor:
        return tokens.unflatten(-1, (self.heads, -1)).transpose(1, 2)


def feed_forward(dim: int) -> nn.Sequential:
    """Return a normalised two-layer network of equal input and output width."""
    return nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, EXPANSION * dim), nn.GELU(), nn.Linear(EXPANSION * dim, dim))


class PlacedPatches(nn.Module):
    """Patches at a connector's width, each with a learned vector for its place: attention by itself has no order."""

    def __init__(self, spec: ConnectorSpec) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(spec.feature_dim)
        self.project = nn.Linear(spec.feature_dim, spec.dim)
        self.places = nn.Parameter(0.02 * torch.randn(spec.grid**2, spec.dim))

    def forward(self, features: Tensor) -> Tensor:
        """Return patches (B, N, dim) for patch features (B, N, D)."""
        return self.project(self.norm(features)) + self.places


def learned_queries(spec: ConnectorSpec) -> nn.Parameter:
    """Return queries (M, dim).

    Raises:
        ConfigError: fewer than one query, or no block to use them.
    """
    for name, value in (("connector_tokens", spec.tokens), ("connector_depth", spec.depth)):
        if value < 1:
            raise ConfigError(f"{name}={value} is not at least 1")
    return nn.Parameter(0.02 * torch.randn(spec.tokens, spec.dim))
