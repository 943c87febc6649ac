"""One linear layer, as in LLaVA (Liu et al. 2023, section 4.1)."""

from __future__ import annotations

from torch import Tensor, nn

from vla.vlm.connectors.base import Connector, ConnectorSpec, MergedPatches


class LinearConnector(Connector):
    """Projects each block of patches to one token."""

    def __init__(self, spec: ConnectorSpec) -> None:
        super().__init__()
        self.patches = MergedPatches(spec)
        self.num_tokens = self.patches.num_tokens
        self.project = nn.Linear(self.patches.output_dim, spec.hidden_dim)

    def forward(self, features: Tensor) -> Tensor:
        """Return tokens (B, M, hidden) for patch features (B, N, D)."""
        return self.project(self.patches(features))
