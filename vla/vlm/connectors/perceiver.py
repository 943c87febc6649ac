"""Learned latents that attend to patches and latents at once, as in Flamingo (Alayrac et al. 2022, appendix A.1.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vla.vlm.connectors.attention import Attention, PlacedPatches, feed_forward, learned_queries
from vla.vlm.connectors.base import Connector, ConnectorSpec


class PerceiverBlock(nn.Module):
    """Latents gather from patches and from each other in one attention, then a feed-forward network."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.latent_norm = nn.LayerNorm(dim)
        self.patch_norm = nn.LayerNorm(dim)
        self.attention = Attention(dim, heads)
        self.feed_forward = feed_forward(dim)

    def forward(self, latents: Tensor, patches: Tensor) -> Tensor:
        """Return latents (B, M, dim) that have looked at patches (B, N, dim)."""
        normed = self.latent_norm(latents)
        latents = latents + self.attention(normed, torch.cat([self.patch_norm(patches), normed], dim=1))
        return latents + self.feed_forward(latents)


class PerceiverConnector(Connector):
    """A fixed number of latents, whatever the image's resolution."""

    def __init__(self, spec: ConnectorSpec) -> None:
        super().__init__(spec)
        self.num_tokens = spec.tokens
        self.latents = learned_queries(spec)
        self.patches = PlacedPatches(spec)
        self.blocks = nn.ModuleList(PerceiverBlock(spec.dim, spec.heads) for _ in range(spec.depth))
        self.output = nn.Sequential(nn.LayerNorm(spec.dim), nn.Linear(spec.dim, spec.hidden_dim))

    def tokens(self, features: Tensor) -> Tensor:
        """See `Connector`."""
        patches = self.patches(features)
        latents = self.latents.expand(len(features), -1, -1)
        for block in self.blocks:
            latents = block(latents, patches)
        return self.output(latents)
