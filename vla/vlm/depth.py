"""Language models of fewer layers than they were trained with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn
from transformers import PreTrainedModel

from vla.errors import ConfigError, UnknownNameError

CHOICES = ("first", "spaced")


def decoder(model: PreTrainedModel) -> Any:
    """Return a causal language model without its output layer: embeddings in, hidden states out."""
    return getattr(model, model.base_model_prefix)


def choose_layers(total: int, count: int, choice: str) -> list[int]:
    """Return which layers to keep.

    Args:
        total: layers that there are.
        count: layers to keep.
        choice: ``first`` ones, or ``spaced`` evenly from the first to the last.

    Raises:
        ConfigError: there are not so many.
        UnknownNameError: ``choice`` is not one of `CHOICES`.
    """
    if choice not in CHOICES:
        raise UnknownNameError("choice of layers", choice, CHOICES)
    if not 1 <= count <= total:
        raise ConfigError(f"layers={count} is not between 1 and the language model's {total}")
    if choice == "first" or count == 1:
        return list(range(count))
    return [round(index * (total - 1) / (count - 1)) for index in range(count)]


def keep_layers(model: PreTrainedModel, layers: Sequence[int]) -> None:
    """Drop all layers of a causal language model but ``layers``, in place, from its configuration too.

    Raises:
        ConfigError: the model's layers are not a list, as they are in decoders like Llama's.
    """
    body = decoder(model)
    if not isinstance(getattr(body, "layers", None), nn.ModuleList):
        raise ConfigError(f"layers= cannot shorten a {model.config.model_type} model: it has no list of layers")
    body.layers = nn.ModuleList([body.layers[index] for index in layers])
    for index, layer in enumerate(body.layers):
        for module in layer.modules():
            if hasattr(module, "layer_idx"):
                module.layer_idx = index  # type: ignore[assignment]  # the place in the cache of keys and values
    model.config.num_hidden_layers = len(layers)
    if kinds := getattr(model.config, "layer_types", None):
        model.config.layer_types = [kinds[index] for index in layers]
