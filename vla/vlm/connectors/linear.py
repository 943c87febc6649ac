"""One linear layer, as in LLaVA (Liu et al. 2023, section 4.1)."""

from __future__ import annotations

from torch import Tensor, nn

from vla.vlm.connectors.base import Connector, ConnectorSpec, MergedPatches


class LinearConnector(Connector):
    """Projects each block of patches to one token."""

    def __init__(self, spec: ConnectorSpec) -> None:
        super().__init__(spec)
        self.patches = MergedPatches(spec)
        self.num_tokens, self.side = self.patches.num_tokens, self.patches.side
        self.project = nn.Linear(self.patches.output_dim, spec.hidden_dim)

    def tokens(self, features: Tensor) -> Tensor:
        """See `Connector`."""
        return self.project(self.patches(features))
