"""Connectors: a vision encoder's patches to the tokens of a language model; one file each, chosen by name."""

from __future__ import annotations

from collections.abc import Callable

from vla.errors import UnknownNameError
from vla.vlm.connectors.base import Connector, ConnectorSpec
from vla.vlm.connectors.linear import LinearConnector
from vla.vlm.connectors.mlp import MlpConnector
from vla.vlm.connectors.objects import ObjectConnector
from vla.vlm.connectors.perceiver import PerceiverConnector
from vla.vlm.connectors.qformer import QFormerConnector

CONNECTORS: dict[str, Callable[[ConnectorSpec], Connector]] = {
    "linear": LinearConnector,
    "mlp": MlpConnector,
    "objects": ObjectConnector,
    "perceiver": PerceiverConnector,
    "qformer": QFormerConnector,
}


def make_connector(name: str, spec: ConnectorSpec) -> Connector:
    """Build the connector called ``name``, with random weights.

    Raises:
        UnknownNameError: ``name`` is not one of `CONNECTORS`.
        ConfigError: the specification does not suit it.
    """
    if name not in CONNECTORS:
        raise UnknownNameError("connector", name, CONNECTORS)
    return CONNECTORS[name](spec)


__all__ = ["CONNECTORS", "Connector", "ConnectorSpec", "make_connector"]
