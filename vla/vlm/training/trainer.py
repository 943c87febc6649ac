"""A run of one training stage: start or resume, train until the budget is spent, write the model."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import set_seed
from transformers.utils import logging

from vla.training.progress import Report
from vla.training.records import Records, record_start
from vla.training.stopping import stop_signal
from vla.vlm import bundle
from vla.vlm.data import load_views
from vla.vlm.data.cameras import SomeCameras
from vla.vlm.examples import View
from vla.vlm.training import runs
from vla.vlm.training.batches import Batches, held_out_batches
from vla.vlm.training.budget_trainer import BudgetTrainer, Pace
from vla.vlm.training.card import write_card
from vla.vlm.training.items import next_usable
from vla.vlm.training.learner import HEADS
from vla.vlm.training.options import VlmTrainOptions
from vla.vlm.training.runs import Clock
from vla.vlm.training.setup import Setup, make_setup


@dataclass(frozen=True)
class Result:
    """How a run ended."""

    step: int
    model: Path
    """Folder of the model, for ``load_vlm`` or ``from_pretrained``."""
    loss: float
    val_loss: float
    samples_per_second: float
    elapsed: float
    """Training time in all [s]."""


def train(
    options: VlmTrainOptions, report: Report = lambda progress: None, views: Mapping[str, Sequence[View]] | None = None
) -> Result:
    """Run a stage, from the beginning or from the run's last checkpoint.

    SIGINT and SIGTERM end the run with a checkpoint after the current update, then raise ``KeyboardInterrupt``.

    Args:
        options: of the run.
        report: receives the progress.
        views: of the splits ``train`` and ``test``, instead of reading ``options.data``.

    Raises:
        ConfigError: the output holds another run, a finished one, or one that may not be resumed; or options do not
            fit each other.
        DatasetError: the data is missing, or has nothing for this stage.
        CheckpointError: ``init`` is no model.
    """
    checkpoint = runs.find_start(options)
    views = views or {split: load_views(options.data, split) for split in ("train", "test")}
    if options.threads:
        torch.set_num_threads(options.threads)
    logging.set_verbosity_error()
    set_seed(options.seed)
    setup = make_setup(options)
    cameras = setup.learner.model.config.cameras
    if cameras:
        views = {split: SomeCameras(each, cameras) for split, each in views.items()}
    next_usable(views["train"], setup.items, 0)
    runs.begin(options)
    record_start(options.output)
    processor = setup.learner.processor
    make_batches = partial(
        Batches,
        views["train"],
        setup.items,
        processor,
        batch_size=options.batch_size,
        seed=options.seed,
        augment=options.augment,
    )
    held_out = held_out_batches(views["test"], options.val_views, setup.items, processor, options.batch_size)
    clock = runs.read_clock(checkpoint) if checkpoint else Clock(0, 0.0)
    trainer = BudgetTrainer(setup.learner, options, lambda start: make_batches(start=start), held_out, clock)
    records = Records(options.output, clock.step)
    with stop_signal() as stop:
        pace = Pace(trainer, records, stop, report)
        trainer.add_callback(pace)
        if trainer.budget.fraction(clock.step, clock.elapsed) < 1:
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        elif checkpoint:  # killed while it wrote the model
            runs.load_trained(checkpoint, setup.learner)
            trainer.state.global_step = clock.step
        records.close()
        if trainer.fraction < 1:
            raise KeyboardInterrupt
    result = Result(
        trainer.state.global_step,
        options.output / bundle.MODEL,
        pace.loss,
        pace.val_loss,
        pace.speed,
        trainer.elapsed,
    )
    _write_model(options, setup, result, len(views["train"]))
    return result


def _write_model(options: VlmTrainOptions, setup: Setup, result: Result, views: int) -> None:
    """Write the trained model under a temporary name, then rename."""
    learner = setup.learner
    model = learner.finish().cpu().eval()
    aside = result.model.with_name(f".{result.model.name}")
    shutil.rmtree(aside, ignore_errors=True)
    (bundle.save_light if setup.light else bundle.save_whole)(aside, model, learner.processor)
    heads = learner.trained_heads()
    if heads is not None and heads.state_dict():
        save_file(heads.state_dict(), aside / HEADS)
    write_card(aside, options, result.step, result.elapsed, result.loss, result.val_loss, views)
    shutil.rmtree(result.model, ignore_errors=True)
    aside.replace(result.model)
