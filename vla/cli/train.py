"""``vla train``: train a policy on a dataset."""

from __future__ import annotations

import logging
import math
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig, OmegaConf

from vla.cli.progress import Reporter
from vla.cli.report import PAGE

if TYPE_CHECKING:
    from vla.training.options import TrainOptions
    from vla.training.progress import Progress


def run(config: DictConfig) -> int:
    """Train, showing progress; see ``configs/train.yaml`` for the options."""
    logging.getLogger("lerobot").setLevel(logging.ERROR)
    from vla.training import trainer

    options = train_options(config)
    try:
        with ExitStack() as stack:
            result = trainer.train(options, Display(stack))
    except KeyboardInterrupt:
        show_run(options.output)
        raise
    print(
        f"{result.step} updates in {result.elapsed / 60:.1f} min, loss {result.loss:.4f}, "
        f"held-out loss {result.val_loss:.4f}\npolicy: {result.checkpoint / 'pretrained_model'}"
    )
    show_run(options.output)
    return 0


def show_run(folder: Path) -> None:
    """Write the page of a run that has recorded something."""
    from vla.reports.training_page import write_training_page
    from vla.training.records import METRICS

    if (folder / METRICS).is_file():
        print(f"report: {write_training_page(folder, folder / PAGE)}")


def train_options(config: DictConfig) -> TrainOptions:
    """Return the configuration as checked options.

    Raises:
        ConfigError: a value does not fit.
    """
    from vla.training.options import TrainOptions

    values = {str(name): value for name, value in (OmegaConf.to_container(config, resolve=True) or {}).items()}  # type: ignore[union-attr]
    values["resume"] = str(values["resume"]).lower()
    for name in ("output", "cache_folder"):
        values[name] = Path(values[name]).expanduser() if values[name] is not None else None
    return TrainOptions(**values)


class Display:
    """Shows one bar after another, for each stage of a run."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack
        self.stage = ""

    def __call__(self, progress: Progress) -> None:
        """Show how far the run is."""
        done = round(min(1.0, progress.fraction) * progress.total)
        if progress.stage != self.stage:
            self.stage = progress.stage
            self.stack.close()
            self.reporter = self.stack.enter_context(Reporter(progress.stage, progress.total, done))
        self.reporter.update(done, _note(progress))


def _note(progress: Progress) -> str:
    """Return e.g. ``update 120  loss 1.32  held out 1.40  210 samples/s``."""
    parts = [f"update {progress.step}"] if progress.step else []
    for name, value, digits in (
        ("loss", progress.loss, 4),
        ("held out", progress.val_loss, 4),
        ("samples/s", progress.samples_per_second, 0),
    ):
        if not math.isnan(value):
            parts.append(f"{name} {value:.{digits}f}")
    return "  ".join(parts)
