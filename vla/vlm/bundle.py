"""Models on disk: whole, or light, without the language model's own weights.

A light folder holds the vision encoder, the connector, the language model's adapter and its new embeddings, in half
precision, and names where the language model comes from. It is some 20 MB where the whole model is half a gigabyte.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import GenerationConfig

from vla.data.json_file import write_json
from vla.errors import CheckpointError
from vla.vlm.configuration import VlmConfig
from vla.vlm.depth import keep_layers
from vla.vlm.language import load_language_model
from vla.vlm.lora import add_lora, lora_spec, lora_weights, merge_lora
from vla.vlm.modeling import VisionLanguageModel
from vla.vlm.processing import VlmProcessor
from vla.vlm.vision import make_vision_encoder
from vla.vlm.vocabulary import embedding_weights, new_token_ids

WEIGHTS = "light.safetensors"
LORA = "lora.json"
"""What the adapter was made with; not the file that makes transformers take a folder for an adapter."""
ROWS = "new_tokens."
MODEL = "model"
"""Folder of the model within a training run's output."""


def load_vlm(name: str | Path, *, merge: bool = True, device: str = "cpu") -> tuple[VisionLanguageModel, VlmProcessor]:
    """Load a model in evaluation mode and full precision, and its processor.

    Args:
        name: folder of a whole or a light model, output of a training run, or hub id.
        merge: add the adapter of a light model to the weights; otherwise it can be trained further.
        device: torch device.

    Raises:
        CheckpointError: there is no such model.
        ConfigError: a light model's language model cannot be loaded.
    """
    folder = find_model(name)
    model = load_light(folder, merge=merge) if (folder / WEIGHTS).is_file() else _load_whole(folder)
    model.to(device, torch.float32)  # pyright: ignore[reportCallIssue, reportArgumentType]  # see ``save_whole``
    return model.eval(), cast(VlmProcessor, VlmProcessor.from_pretrained(folder))


def _load_whole(folder: Path) -> VisionLanguageModel:
    kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    if kind != VlmConfig.model_type:
        raise CheckpointError(f"{folder} holds a model of type {kind}, not {VlmConfig.model_type}")
    try:
        return VisionLanguageModel.from_pretrained(folder)
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"no vision-language model can be loaded from {folder}: {error}") from error


def find_model(name: str | Path) -> Path:
    """Return the folder with a model's configuration.

    Raises:
        CheckpointError: there is no such model.
    """
    path = Path(name).expanduser()
    for folder in (path, path / MODEL):
        if (folder / "config.json").is_file():
            return folder
    if path.exists() or str(name).count("/") != 1:
        raise CheckpointError(f"{name} holds no vision-language model: {path / 'config.json'} does not exist")
    try:
        return Path(snapshot_download(str(name)))
    except (OSError, HfHubHTTPError, HFValidationError) as error:
        raise CheckpointError(f"{name} is neither a folder nor a hub id that can be reached: {error}") from error


def save_light(folder: Path, model: VisionLanguageModel, processor: VlmProcessor) -> None:
    """Write a light model.

    Args:
        folder: receives the files.
        model: its language model is the one of ``config.text_source``, but for adapter and new embeddings.
        processor: of the model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: _half(tensor) for name, tensor in _own_tensors(model, processor).items()}, folder / WEIGHTS)
    if (spec := lora_spec(model.language_model)) is not None:
        write_json(folder / LORA, spec)
    model.config.save_pretrained(folder)
    assert model.generation_config is not None
    model.generation_config.save_pretrained(folder)
    processor.save_pretrained(folder)


def save_whole(folder: Path, model: VisionLanguageModel, processor: VlmProcessor) -> None:
    """Write a whole model; its adapter, if it has one, becomes part of its weights."""
    model.to(torch.float32)  # pyright: ignore[reportArgumentType]  # transformers' wrapper of `to` loses ``self``
    if lora_spec(model.language_model):
        merge_lora(model.language_model)
        model.config.text_trained = True
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def load_light(folder: Path, *, merge: bool) -> VisionLanguageModel:
    """Load a light model; see ``load_vlm``."""
    config = cast(VlmConfig, VlmConfig.from_pretrained(folder))
    processor = cast(VlmProcessor, VlmProcessor.from_pretrained(folder))
    language, _ = load_language_model(config.text_source)
    if config.text_layers is not None:
        keep_layers(language, config.text_layers)
    language.resize_token_embeddings(config.text.vocab_size, mean_resizing=False)
    if (folder / LORA).is_file():
        add_lora(language, **json.loads((folder / LORA).read_text(encoding="utf-8")))
    model = VisionLanguageModel(config, make_vision_encoder(config.vision), language)
    tensors, own = load_file(folder / WEIGHTS), _own_tensors(model, processor)
    if wrong := sorted(set(tensors) ^ set(own)):
        raise CheckpointError(f"{folder / WEIGHTS} does not fit its configuration: {wrong[0]}")
    with torch.no_grad():
        for name, tensor in own.items():
            if not name.startswith(ROWS):
                tensor.copy_(tensors[name])
        ids = new_token_ids(processor)
        for kind, weight in embedding_weights(language).items():
            weight[ids] = tensors[ROWS + kind].to(weight)
    if merge and lora_spec(language):
        merge_lora(language)
        config.text_trained = True
    model.generation_config = GenerationConfig.from_pretrained(folder)
    return model.eval()


def _own_tensors(model: VisionLanguageModel, processor: VlmProcessor) -> dict[str, Tensor]:
    """Return what the language model's source does not hold, by name; new embeddings are copies."""
    tensors = {
        f"{name}.{key}": tensor
        for name in ("vision_encoder", "connector")
        for key, tensor in getattr(model, name).state_dict().items()
    }
    tensors |= {f"lora.{key}": tensor.detach() for key, tensor in lora_weights(model.language_model).items()}
    ids = new_token_ids(processor)
    return tensors | {ROWS + kind: weight[ids] for kind, weight in embedding_weights(model.language_model).items()}


def _half(tensor: Tensor) -> Tensor:
    """Return a matrix in half precision; norms and their statistics are few, and stay as they are."""
    return (tensor.half() if tensor.is_floating_point() and tensor.ndim > 1 else tensor).contiguous()
