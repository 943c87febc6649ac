"""Low-rank adapters on a language model, by peft."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn
from transformers import PreTrainedModel

from vla.errors import UnknownNameError
from vla.vlm.depth import decoder

NAME = "default"
REFERENCE = "reference"
ALL = "all"


def linear_layers(model: PreTrainedModel) -> list[str]:
    """Return the names of the linear layers within a decoder's layers, without their number: ``q_proj`` and others."""
    linear = [name for name, module in decoder(model).named_modules() if isinstance(module, nn.Linear)]
    names = {name.rsplit(".", 1)[-1] for name in linear if ".lora_" not in name and "layers." in name}
    names |= {name.split(".")[-2] for name in linear if name.endswith(".base_layer")}
    return sorted(names - {"base_layer"})


def add_lora(model: PreTrainedModel, rank: int, targets: str | Sequence[str] = ALL, name: str = NAME) -> None:
    """Give a language model an adapter that changes nothing yet; only the adapter can be trained then.

    Args:
        model: causal language model.
        rank: of the two factors; their product counts twice.
        targets: names of linear layers, or `ALL`.
        name: of the adapter.

    Raises:
        UnknownNameError: the model has no such layer.
    """
    known = linear_layers(model)
    chosen = known if targets == ALL else [targets] if isinstance(targets, str) else list(targets)
    for target in chosen:
        if target not in known:
            raise UnknownNameError("linear layer", target, [*known, ALL])
    inject_adapter_in_model(
        LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=rf".*layers\..*\.({'|'.join(chosen)})"), model, name
    )


def lora_layers(model: nn.Module) -> dict[str, LoraLayer]:
    """Return the layers that have adapters."""
    return {name: module for name, module in model.named_modules() if isinstance(module, LoraLayer)}


def lora_spec(model: nn.Module) -> dict[str, Any] | None:
    """Return the rank and targets that the adapter was made with; None if there is none."""
    layers = lora_layers(model)
    if not layers:
        return None
    ranks = {layer.r[NAME] for layer in layers.values()}
    return {"rank": ranks.pop(), "targets": sorted({path.rsplit(".", 1)[-1] for path in layers})}


def lora_weights(model: nn.Module, name: str = NAME) -> dict[str, Tensor]:
    """Return an adapter's weights."""
    return {
        f"{path}.{part}": getattr(layer, part)[name].weight
        for path, layer in lora_layers(model).items()
        for part in ("lora_A", "lora_B")
    }


def copy_lora(model: PreTrainedModel) -> None:
    """Add a frozen copy of the adapter, as it is, called `REFERENCE`."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Already found a `peft_config`")
        add_lora(model, **(lora_spec(model) or {}), name=REFERENCE)
    weights, copies = lora_weights(model), lora_weights(model, REFERENCE)
    for path, copy in copies.items():
        copy.data.copy_(weights[path].data)
    use_lora(model, NAME)
    for copy in copies.values():
        copy.requires_grad_(False)


def use_lora(model: nn.Module, name: str) -> None:
    """Compute with one adapter, instead of another. Says nothing about which of them are trained."""
    trained = {path: weight.requires_grad for path, weight in model.named_parameters()}
    for layer in lora_layers(model).values():
        layer.set_adapter(name)
    for path, weight in model.named_parameters():
        weight.requires_grad_(trained[path])


def merge_lora(model: nn.Module) -> None:
    """Add the adapter to the weights that it belongs to, and remove it."""
    for path, layer in lora_layers(model).items():
        assert isinstance(layer, nn.Module)
        use_lora(layer, NAME)
        layer.merge(adapter_names=[NAME])  # type: ignore[operator]  # every kind of layer has it
        parent, _, child = path.rpartition(".")
        setattr(model.get_submodule(parent), child, layer.get_base_layer())
