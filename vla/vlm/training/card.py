"""The card beside a trained model: what made it."""

from __future__ import annotations

import math
import shlex
from pathlib import Path

from vla.vlm.training.options import VlmTrainOptions

CARD = "card.md"


def write_card(
    folder: Path, options: VlmTrainOptions, step: int, elapsed: float, loss: float, val_loss: float, views: int
) -> None:
    """Write the card.

    Args:
        folder: of the model.
        options: of the run.
        step: updates made.
        elapsed: training time [s].
        loss: on training views, at the end.
        val_loss: on held-out views.
        views: views of the training split.
    """
    rows = {
        "stage": options.stage,
        "data": f"{options.data} ({views} views)",
        "started from": options.init or "the components' own weights",
        "updates": f"{step} of {options.batch_size} views, {elapsed / 60:.1f} min",
        "seed": options.seed,
        "training loss": _number(loss),
        "held-out loss": _number(val_loss),
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    text = f"# {options.output.name}\n\n| | |\n|---|---|\n{table}\n\n```\n{command(options)}\n```\n"
    (folder / CARD).write_text(text, encoding="utf-8")


def command(options: VlmTrainOptions) -> str:
    """Return the command that makes the same model."""
    defaults = VlmTrainOptions.__dataclass_fields__
    given = {
        name: getattr(options, name)
        for name in defaults
        if name not in ("parts", "resume") and getattr(options, name) != defaults[name].default
    }
    given |= {name: value for name, value in options.parts.items() if value is not None}
    words = [f"{name}={_value(value)}" for name, value in given.items()]
    return shlex.join(["vla", "vlm", "train", *words])


def _value(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(str, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: float) -> str:
    return "not measured" if math.isnan(value) else f"{value:.4f}"
