"""Where a training run stands on disk: what it was begun with, its checkpoints, and whether it is complete.

``checkpoints/<step>`` holds the trained weights and the state of transformers' Trainer, and is complete or not there.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import nn

from vla.data.json_file import write_json
from vla.errors import CheckpointError, ConfigError
from vla.training.budget import Budget
from vla.vlm.training.options import VlmTrainOptions

RUN_FILE = "run.json"
CHECKPOINTS = "checkpoints"
WEIGHTS = "trained.safetensors"
CLOCK = "clock.json"


@dataclass(frozen=True)
class Clock:
    """Where a run stands."""

    step: int
    elapsed: float
    """Training time so far [s]."""


def last_checkpoint(output: Path) -> Path | None:
    """Return the newest checkpoint of a run, or None."""
    folder = output / CHECKPOINTS
    steps = [path for path in folder.iterdir() if path.name.isdigit()] if folder.is_dir() else []
    return max(steps, key=lambda path: int(path.name), default=None)


def find_start(options: VlmTrainOptions) -> Path | None:
    """Return the checkpoint to resume from, or None for a new run in ``options.output``.

    Raises:
        ConfigError: the output holds another run, a complete one, or one that may not be resumed.
    """
    output = options.output
    checkpoint = last_checkpoint(output)
    begun = output / RUN_FILE
    if options.resume == "true" and checkpoint is None:
        raise ConfigError(f"resume=true, but {output} holds no checkpoint")
    if not begun.exists():
        if output.exists() and any(output.iterdir()):
            raise ConfigError(f"{output} exists and holds no interrupted run; choose another output or remove it")
        return None
    if options.resume == "false":
        raise ConfigError(f"{output} holds a run; resume it with resume=auto, choose another output, or remove it")
    then, now = json.loads(begun.read_text()), json.loads(json.dumps(options.defining()))
    if changed := [name for name in now if now[name] != then.get(name)]:
        details = "; ".join(f"{name}: was {then.get(name)}, is {now[name]}" for name in changed)
        raise ConfigError(f"the run in {output} was begun with other options ({details}); choose another output")
    if checkpoint is not None:
        clock = read_clock(checkpoint)
        if make_budget(options).fraction(clock.step, clock.elapsed) >= 1 and (output / "model").exists():
            raise ConfigError(
                f"the run in {output} is complete ({clock.step} updates, {clock.elapsed / 60:.1f} minutes); "
                "give more steps= or minutes=, or choose another output"
            )
    return checkpoint


def begin(options: VlmTrainOptions) -> None:
    """Make the folder of a run and note what it is begun with."""
    write_json(options.output / RUN_FILE, options.defining())


def make_budget(options: VlmTrainOptions) -> Budget:
    """Return when a run ends."""
    if options.steps is not None:
        return Budget(options.steps)
    assert options.minutes is not None
    return Budget(1, options.minutes * 60)


def save_trained(folder: Path, module: nn.Module) -> None:
    """Write the weights that require gradients."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: weight.detach().contiguous() for name, weight in module.named_parameters() if weight.requires_grad}
    save_file(weights, folder / WEIGHTS)


def load_trained(folder: Path, module: nn.Module) -> None:
    """Read what ``save_trained`` wrote.

    Raises:
        CheckpointError: it is of another model.
    """
    weights = load_file(folder / WEIGHTS)
    trained = {name: weight for name, weight in module.named_parameters() if weight.requires_grad}
    if wrong := sorted(set(weights) ^ set(trained)):
        raise CheckpointError(f"{folder} is of another model: {wrong[0]}")
    for name, weight in trained.items():
        weight.data.copy_(weights[name])


def finish_checkpoint(written: Path, output: Path, clock: Clock, keep: int) -> None:
    """Move a checkpoint that has been written aside to its place; drop all but the newest ``keep``."""
    write_json(written / CLOCK, asdict(clock))
    final = output / CHECKPOINTS / str(clock.step)
    final.parent.mkdir(parents=True, exist_ok=True)
    if final.exists():
        shutil.rmtree(final)
    written.replace(final)
    steps = sorted(int(path.name) for path in final.parent.iterdir() if path.name.isdigit())
    for old in steps[:-keep]:
        shutil.rmtree(final.with_name(str(old)))


def read_clock(checkpoint: Path) -> Clock:
    """Return the clock of a checkpoint."""
    values: dict[str, Any] = json.loads((checkpoint / CLOCK).read_text())
    return Clock(**values)
