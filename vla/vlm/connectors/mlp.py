"""Two layers with a GELU between them, as in LLaVA-1.5 (Liu et al. 2024, section 3.2)."""

from __future__ import annotations

from torch import Tensor, nn

from vla.vlm.connectors.base import Connector, ConnectorSpec, MergedPatches


class MlpConnector(Connector):
    """Maps each block of patches to one token by a small network."""

    def __init__(self, spec: ConnectorSpec) -> None:
        super().__init__(spec)
        self.patches = MergedPatches(spec)
        self.num_tokens, self.side = self.patches.num_tokens, self.patches.side
        self.layers = nn.Sequential(
            nn.Linear(self.patches.output_dim, spec.hidden_dim),
            nn.GELU(),
            nn.Linear(spec.hidden_dim, spec.hidden_dim),
        )

    def tokens(self, features: Tensor) -> Tensor:
        """See `Connector`."""
        return self.layers(self.patches(features))
