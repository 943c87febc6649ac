"""Learned queries that attend to each other and to the patches, as in BLIP-2 (Li et al. 2023, section 3.1)."""

from __future__ import annotations

from torch import Tensor, nn

from vla.vlm.connectors.attention import Attention, PlacedPatches, feed_forward, learned_queries
from vla.vlm.connectors.base import Connector, ConnectorSpec


class QFormerBlock(nn.Module):
    """Self-attention among queries, cross-attention to patches, feed-forward; each on normalised input."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.self_norm = nn.LayerNorm(dim)
        self.self_attention = Attention(dim, heads)
        self.cross_norm = nn.LayerNorm(dim)
        self.cross_attention = Attention(dim, heads)
        self.feed_forward = feed_forward(dim)

    def forward(self, queries: Tensor, patches: Tensor) -> Tensor:
        """Return queries (B, M, dim) that have looked at patches (B, N, dim)."""
        normed = self.self_norm(queries)
        queries = queries + self.self_attention(normed, normed)
        queries = queries + self.cross_attention(self.cross_norm(queries), patches)
        return queries + self.feed_forward(queries)


class QFormerConnector(Connector):
    """A fixed number of queries, whatever the image's resolution."""

    def __init__(self, spec: ConnectorSpec) -> None:
        super().__init__(spec)
        self.num_tokens = spec.tokens
        self.queries = learned_queries(spec)
        self.patches = PlacedPatches(spec)
        self.norm = nn.LayerNorm(spec.dim)
        self.blocks = nn.ModuleList(QFormerBlock(spec.dim, spec.heads) for _ in range(spec.depth))
        self.output = nn.Sequential(nn.LayerNorm(spec.dim), nn.Linear(spec.dim, spec.hidden_dim))

    def tokens(self, features: Tensor) -> Tensor:
        """See `Connector`."""
        patches = self.norm(self.patches(features))
        queries = self.queries.expand(len(features), -1, -1)
        for block in self.blocks:
            queries = block(queries, patches)
        return self.output(queries)
