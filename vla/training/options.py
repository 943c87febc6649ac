"""What a training run is asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from vla.errors import ConfigError

RUN_DEFINING = (
    "dataset",
    "policy",
    "init",
    "batch_size",
    "seed",
    "val_fraction",
    "ema_decay",
    "precision",
    "chunk_end",
    "text",
    "text_input",
    "frame_size",
)
"""Options that a resumed run must share with its beginning."""


@dataclass(frozen=True)
class TrainOptions:
    """Options of ``vla train``; ``configs/train.yaml`` says what each one means."""

    dataset: str
    output: Path
    policy: Mapping[str, Any]
    """``type`` (lerobot's registered name) and any fields of that policy's configuration."""
    steps: int | None = None
    minutes: float | None = None
    init: str | None = None
    """Checkpoint whose weights, action tokens and statistics training starts from."""
    text_input: str | None = None
    frame_size: int | None = None
    batch_size: int = 64
    seed: int = 0
    resume: Literal["auto", "true", "false"] = "auto"
    workers: int = 1
    threads: int | None = None
    device: str = "auto"
    precision: Literal["fp32", "bf16"] = "fp32"
    val_fraction: float = 0.03
    val_samples: int = 1024
    ema_decay: float = 0.999
    checkpoint_minutes: float = 5.0
    keep_checkpoints: int = 2
    log_steps: int = 20
    chunk_end: Literal["task", "episode"] = "task"
    text: Literal["subgoal", "instruction"] = "subgoal"
    cache: bool = True
    cache_folder: Path | None = None
    wandb: bool = False

    def __post_init__(self) -> None:
        check_amount(self.steps, self.minutes)
        for name, valid in {
            "resume": ("auto", "true", "false"),
            "precision": ("fp32", "bf16"),
            "chunk_end": ("task", "episode"),
            "text": ("subgoal", "instruction"),
            "device": ("auto", "cpu", "cuda", "mps"),
        }.items():
            if getattr(self, name) not in valid:
                raise ConfigError(f"{name}={getattr(self, name)!r} is not one of {', '.join(valid)}")
        for name, low, high in (("val_fraction", 0.0, 0.9), ("ema_decay", 0.0, 0.99999)):
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f"{name}={getattr(self, name)} is not between {low} and {high}")
        for name in ("batch_size", "log_steps", "keep_checkpoints", "workers", "frame_size"):
            value, least = getattr(self, name), 0 if name == "workers" else 1
            if value is not None and value < least:
                raise ConfigError(f"{name}={value} must be at least {least}")
        if self.chunk_end == "task" and not self.cache:
            raise ConfigError("chunk_end=task needs the frame cache; with cache=false give chunk_end=episode")
        if self.text == "instruction" and not self.cache:
            raise ConfigError("text=instruction needs the frame cache; with cache=false give text=subgoal")
        if "type" not in self.policy:
            raise ConfigError("the policy configuration names no type")

    def defining(self) -> dict[str, Any]:
        """Return the options that define the run, as plain JSON values."""
        values = {name: getattr(self, name) for name in RUN_DEFINING}
        return values | {"policy": dict(self.policy)}


def check_amount(steps: int | None, minutes: float | None) -> None:
    """Check how long a run is to be.

    Raises:
        ConfigError: not one of both is given, or it is not positive.
    """
    if (steps is None) == (minutes is None):
        raise ConfigError(f"give one of steps= and minutes=, got steps={steps} minutes={minutes}")
    amount = steps if steps is not None else minutes
    if amount is None or amount <= 0:
        raise ConfigError(f"steps= and minutes= must be positive, got {amount}")
