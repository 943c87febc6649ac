"""``vla vlm train``: one stage of training the vision-language model."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from vla.cli.train import Display, show_run

if TYPE_CHECKING:
    from vla.vlm.training.options import VlmTrainOptions

PARTS = (
    "vision_encoder",
    "image_size",
    "connector",
    "connector_merge",
    "connector_tokens",
    "connector_objects",
    "connector_states",
    "language_model",
    "grounding",
    "location_bins",
)
"""Options that are passed to ``build_vlm``."""


def run(config: DictConfig) -> int:
    """Train, showing progress; see ``configs/vlm_train.yaml`` for the options."""
    options = train_options(config)
    from vla.vlm.training.trainer import train

    try:
        with ExitStack() as stack:
            result = train(options, Display(stack))
    except KeyboardInterrupt:
        show_run(options.output)
        raise
    print(
        f"{result.step} updates in {result.elapsed / 60:.1f} min, loss {result.loss:.4f}, "
        f"held-out loss {result.val_loss:.4f}\nmodel: {result.model}"
    )
    show_run(options.output)
    return 0


def train_options(config: DictConfig) -> VlmTrainOptions:
    """Return the configuration as checked options.

    Raises:
        ConfigError: a value does not fit.
        UnknownNameError: a name does not exist.
    """
    from vla.vlm.training.options import VlmTrainOptions

    values: dict[str, Any] = {str(name): value for name, value in OmegaConf.to_container(config, resolve=True).items()}  # type: ignore[union-attr]
    values["parts"] = {name: values.pop(name) for name in PARTS}
    values["resume"] = str(values["resume"]).lower()
    values["output"] = Path(values["output"]).expanduser()
    for name in ("kinds", "cameras"):
        values[name] = tuple(values[name].split(",") if isinstance(values[name], str) else values[name])
    return VlmTrainOptions(**values)
