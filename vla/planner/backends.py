"""Finds the model that a planner is to ask."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from vla.errors import CheckpointError
from vla.planner.chat import Chat
from vla.planner.vlm import PlanningConfig

DEFAULT_MODEL = "checkpoints/tabletop-planner"
"""Where the released planner lies."""
OWN_TYPE = "vla_vlm"
"""``model_type`` of our models."""
RUN_MODEL = "model"
"""Folder of the model within the output of `vla vlm train`."""


@dataclass(frozen=True)
class VlmConfig(PlanningConfig):
    """The planner ``vlm``: a model in this process."""

    model: str | None = None
    """Folder or hub id; None for `DEFAULT_MODEL`."""
    device: str = "auto"
    """torch device; auto takes a GPU if there is one."""
    max_tokens: int = 160
    """Most tokens of a plan."""
    objects: tuple[str, ...] = ()
    """Phrases that a plan may name; empty for any words."""


@dataclass(frozen=True)
class OpenAiConfig(PlanningConfig):
    """The planner ``openai``: a model behind an endpoint."""

    base_url: str = "http://127.0.0.1:8000/v1"
    """Where the endpoint is, up to what comes before ``/chat/completions``."""
    model: str = ""
    """Name of the model there."""
    key_variable: str = "OPENAI_API_KEY"
    """Environment variable that holds the key; without one, none is sent."""
    timeout: float = 20.0
    """Longest time that an answer may take [s]."""
    retries: int = 3
    """How often a request is sent again when the endpoint is busy or fails."""
    max_wait: float = 8.0
    """Longest wait before a request is sent again [s]."""
    max_tokens: int = 300
    """Most tokens of a plan."""
    objects: tuple[str, ...] = ()
    """Phrases that a plan may name; empty for any words."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the request's body; null takes one out."""


def load_chat(config: VlmConfig) -> Chat:
    """Return the model that the options name; the last one that was loaded is kept.

    Raises:
        CheckpointError: it cannot be loaded.
        ConfigError: an option does not fit it.
    """
    return _load(find_model(config.model), choose_device(config.device), config.max_tokens, tuple(config.objects))


def open_chat(config: OpenAiConfig) -> Chat:
    """Return the model behind an endpoint.

    Raises:
        ConfigError: an option does not fit.
    """
    from vla.planner.endpoint import Endpoint
    from vla.planner.openai_model import OpenAiModel

    endpoint = Endpoint(
        config.base_url,
        config.model,
        config.key_variable,
        timeout=config.timeout,
        retries=config.retries,
        max_wait=config.max_wait,
        extra=config.extra,
    )
    return OpenAiModel(endpoint, config.max_tokens, config.objects)


def find_model(model: str | None) -> str:
    """Return the folder or hub id of a model; of a training run's output, the folder of its model.

    Raises:
        CheckpointError: none is named, and the released one is not there.
    """
    if model:
        inside = Path(model) / RUN_MODEL
        return str(inside) if (inside / "config.json").is_file() else model
    if not (Path(DEFAULT_MODEL) / "config.json").is_file():
        raise CheckpointError(
            f"there is no model in {DEFAULT_MODEL}: train one with `vla vlm data` and `vla vlm train`, "
            "or name a folder or a hub id with model="
        )
    return DEFAULT_MODEL


def is_own(model: str) -> bool:
    """Whether a folder holds a model of `vla.vlm`."""
    file = Path(model) / "config.json"
    try:
        return json.loads(file.read_text()).get("model_type") == OWN_TYPE
    except (OSError, ValueError):
        return False


def choose_device(device: str) -> str:
    """Return the torch device; ``auto`` is a GPU if there is one."""
    if device != "auto":
        return device
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


@lru_cache(maxsize=1)
def _load(model: str, device: str, max_tokens: int, objects: tuple[str, ...]) -> Chat:
    if is_own(model):
        from vla.planner.own_model import OwnModel

        return OwnModel.load(model, device, max_tokens, objects)
    from vla.planner.transformers_model import TransformersModel

    return TransformersModel.load(model, device, max_tokens, objects)
