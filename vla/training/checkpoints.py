"""Checkpoints as lerobot writes them, complete or not there at all.

``checkpoints/<step>/pretrained_model`` holds the averaged weights (what ``from_pretrained`` loads);
``training_state`` holds lerobot's optimizer, scheduler and random states, and beside them the raw weights and the
clock. ``checkpoints/last`` points to the newest.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lerobot.common.train_utils import get_step_checkpoint_dir, save_checkpoint
from lerobot.utils.constants import (
    CHECKPOINTS_DIR,
    LAST_CHECKPOINT_LINK,
    PRETRAINED_MODEL_DIR,
    TRAINING_STATE_DIR,
)
from safetensors.torch import load_file, save_file

from vla.errors import CheckpointError
from vla.training.average import WeightAverage, set_weights, weights_of

RAW_WEIGHTS = "raw_weights.safetensors"
CLOCK = "clock.json"


@dataclass(frozen=True)
class Clock:
    """Where a run stands besides its step."""

    elapsed: float
    """Training time so far [s]."""
    planned_steps: int


def last_checkpoint(output: Path) -> Path | None:
    """Return the newest complete checkpoint of a run, or None."""
    link = output / CHECKPOINTS_DIR / LAST_CHECKPOINT_LINK
    return link.resolve() if link.exists() else None


def model_folder(checkpoint: Path) -> Path:
    """Return the folder that ``from_pretrained`` takes."""
    return checkpoint / PRETRAINED_MODEL_DIR


def write_checkpoint(
    output: Path, step: int, clock: Clock, average: WeightAverage, policy: Any, keep: int, **parts: Any
) -> Path:
    """Write the checkpoint of ``step`` and drop all but the newest ``keep``.

    Args:
        output: folder of the run.
        step: updates so far.
        clock: see ``Clock``.
        average: weights to save as the model.
        policy: the policy, with its raw weights.
        keep: checkpoints to keep.
        parts: the other arguments of lerobot's ``save_checkpoint``.
    """
    final = get_step_checkpoint_dir(output, clock.planned_steps, step)
    temporary = final.with_name(f".{final.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    raw = weights_of(policy)
    with average.applied(policy):
        save_checkpoint(checkpoint_dir=temporary, step=step, policy=policy, **parts)
    save_file(raw, temporary / TRAINING_STATE_DIR / RAW_WEIGHTS)
    (temporary / TRAINING_STATE_DIR / CLOCK).write_text(json.dumps(asdict(clock)))
    if final.exists():
        shutil.rmtree(final)
    temporary.replace(final)
    link = final.with_name(f".{LAST_CHECKPOINT_LINK}")
    link.unlink(missing_ok=True)
    link.symlink_to(final.name)
    link.replace(final.with_name(LAST_CHECKPOINT_LINK))
    for old in sorted(path for path in final.parent.iterdir() if path.name.isdigit())[:-keep]:
        shutil.rmtree(old)
    return final


def read_clock(checkpoint: Path) -> Clock:
    """Return the clock of a checkpoint.

    Raises:
        CheckpointError: the checkpoint was not written by ``vla train``.
    """
    path = checkpoint / TRAINING_STATE_DIR / CLOCK
    if not path.exists():
        raise CheckpointError(f"{checkpoint} was not written by `vla train`: it has no {path.name}")
    return Clock(**json.loads(path.read_text()))


def restore_weights(checkpoint: Path, policy: Any, decay: float) -> WeightAverage:
    """Put a checkpoint's raw weights into the policy, which holds the averaged ones as loaded; return the average."""
    average = WeightAverage(policy, decay)
    weights = load_file(checkpoint / TRAINING_STATE_DIR / RAW_WEIGHTS)
    set_weights(policy, weights)
    return average
