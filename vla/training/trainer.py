"""The training run: start or resume, update until the budget is spent, checkpoint by the clock."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from lerobot.common.train_utils import load_training_state
from lerobot.configs.train import TrainPipelineConfig
from lerobot.optim.factory import make_optimizer_and_scheduler
from lerobot.utils.random_utils import set_seed
from torch.utils.data import DataLoader

from vla.data.json_file import write_json
from vla.errors import ConfigError
from vla.training import checkpoints, data, setup
from vla.training.average import WeightAverage
from vla.training.budget import Budget, move_scheduler
from vla.training.checkpoints import Clock
from vla.training.options import TrainOptions
from vla.training.progress import Progress, Report
from vla.training.records import RUN_FILE, Records, record_start, wandb_logger
from vla.training.stopping import stop_signal

VALIDATIONS = 20
"""How often a run measures its held-out loss, besides at its end."""


@dataclass(frozen=True)
class Result:
    """How a run ended."""

    step: int
    checkpoint: Path
    loss: float
    val_loss: float
    samples_per_second: float
    elapsed: float
    """Training time in all [s]."""


def train(options: TrainOptions, report: Report = lambda progress: None) -> Result:
    """Train a policy, from the beginning or from the run's last checkpoint.

    SIGINT and SIGTERM end the run with a checkpoint after the current update, then raise ``KeyboardInterrupt``.

    Raises:
        ConfigError: the output holds another run, a finished one, or one that may not be resumed.
        DatasetError: the dataset is missing or damaged.
    """
    checkpoint = find_start(options)
    if options.threads:
        torch.set_num_threads(options.threads)
    set_seed(options.seed)
    accelerator = setup.make_accelerator(options.device, options.precision)
    policy_cfg = setup.policy_config(options.policy, accelerator.device.type)
    setup.check_inputs(policy_cfg, data.open_checked(options.dataset))
    dataset = data.open_dataset(options.dataset, policy_cfg)
    training, held_out = data.split_episodes(dataset.num_episodes, options.val_fraction, options.seed)
    items = data.make_items(
        dataset, options, lambda done, total: report(Progress("decoding frames", done / total, total))
    )
    options.output.mkdir(parents=True, exist_ok=True)
    write_json(options.output / RUN_FILE, options.defining())
    record_start(options.output)
    weights = checkpoints.model_folder(checkpoint) if checkpoint else None
    learner = setup.make_learner(options, policy_cfg, dataset.meta, accelerator, weights)
    fit = getattr(learner.policy, "fit", None)
    if options.init and not checkpoint:
        setup.load_weights(learner.policy, options.init)
    elif fit and not checkpoint:
        fit(data.open_dataset(options.dataset, policy_cfg, training))
    loader, sampler = data.train_loader(items, dataset, training, policy_cfg, options)
    batches = data.endless(loader, sampler, 0, options)
    config = setup.pipeline_config(options, policy_cfg, training, steps=options.steps or 1)
    clock = checkpoints.read_clock(checkpoint) if checkpoint else Clock(0.0, 0)
    budget = _budget(options, clock, lambda: setup.seconds_per_update(learner, config, batches))
    config.steps, config.resume = budget.planned_steps, checkpoint is not None
    run = _Run(options, config, budget, learner, clock.elapsed)
    run.restore(checkpoint)
    batches = data.endless(loader, sampler, run.step, options)
    validation = data.held_out_loader(items, dataset, held_out, options)
    return run.go(batches, validation, len(sampler), len(training), report)


def find_start(options: TrainOptions) -> Path | None:
    """Return the checkpoint to resume from, or None for a new run in ``options.output``."""
    output = options.output
    checkpoint = checkpoints.last_checkpoint(output)
    if checkpoint is None:
        if options.resume == "true":
            raise ConfigError(f"resume=true, but {output} holds no checkpoint")
        if output.exists() and any(output.iterdir()) and not (options.resume == "auto" and _unfinished(output)):
            raise ConfigError(f"{output} exists and holds no interrupted run; choose another output or remove it")
        return None
    if options.resume == "false":
        raise ConfigError(f"{output} holds a run; resume it with resume=auto, choose another output, or remove it")
    begun = json.loads((output / RUN_FILE).read_text())
    now = json.loads(json.dumps(options.defining()))
    if changed := [name for name in now if now[name] != begun.get(name)]:
        details = "; ".join(f"{name}: was {begun.get(name)}, is {now[name]}" for name in changed)
        raise ConfigError(f"the run in {output} was begun with other options ({details}); choose another output")
    clock = checkpoints.read_clock(checkpoint)
    step = int(checkpoint.name)
    budget = _budget(options, clock, lambda: math.inf)
    if budget.fraction(step, clock.elapsed) >= 1:
        raise ConfigError(
            f"the run in {output} is complete ({step} updates, {clock.elapsed / 60:.1f} minutes); "
            "give more steps= or minutes=, or choose another output"
        )
    return checkpoint


def _unfinished(output: Path) -> bool:
    """Whether a run was begun here and killed before its first checkpoint."""
    return (output / RUN_FILE).exists()


def _budget(options: TrainOptions, clock: Clock, seconds_per_update: Callable[[], float]) -> Budget:
    if options.steps is not None:
        return Budget(options.steps)
    assert options.minutes is not None
    seconds = options.minutes * 60
    return Budget(clock.planned_steps or max(1, round(seconds / seconds_per_update())), seconds)


class _Run:
    def __init__(
        self,
        options: TrainOptions,
        config: TrainPipelineConfig,
        budget: Budget,
        learner: setup.Learner,
        elapsed: float,
    ) -> None:
        self.options, self.config, self.budget, self.learner = options, config, budget, learner
        self.step, self.begun_with, self.started = 0, elapsed, time.perf_counter()
        self.optimizer, self.scheduler = make_optimizer_and_scheduler(config, learner.policy)
        self.average = WeightAverage(learner.policy, options.ema_decay)

    @property
    def elapsed(self) -> float:
        return self.begun_with + time.perf_counter() - self.started

    def restore(self, checkpoint: Path | None) -> None:
        """Take over a checkpoint's weights, optimizer, schedule and random state; then hand over to accelerate."""
        if checkpoint:
            self.average = checkpoints.restore_weights(checkpoint, self.learner.policy, self.options.ema_decay)
            self.step, self.optimizer, self.scheduler = load_training_state(checkpoint, self.optimizer, self.scheduler)
        self.learner.policy, self.optimizer = self.learner.accelerator.prepare(self.learner.policy, self.optimizer)

    def go(
        self, batches: Iterator[data.Batch], validation: DataLoader | None, frames: int, episodes: int, report: Report
    ) -> Result:
        options, budget = self.options, self.budget
        records = Records(options.output, self.step, wandb_logger(self.config))
        tracker = setup.make_tracker(options, frames, episodes, self.step)
        self.started = time.perf_counter()
        saved_at, window_start, window_step = self.started, self.started, self.step
        loss = val_loss = speed = math.nan
        validated = int(budget.fraction(self.step, self.elapsed) * VALIDATIONS)
        with stop_signal() as stop:
            ending = False
            while not ending and not stop.is_set():
                self.learner.update(tracker, self.optimizer, next(batches))
                self.step += 1
                tracker.step()
                self.average.update(self.learner.policy, self.step)
                elapsed = self.elapsed
                if self.scheduler:
                    move_scheduler(self.scheduler, budget.schedule_step(self.step, elapsed))
                fraction = budget.fraction(self.step, elapsed)
                ending = fraction >= 1
                now = time.perf_counter()
                if self.step % options.log_steps == 0 or ending:
                    speed = (self.step - window_step) * options.batch_size / (now - window_start)
                    window_start, window_step, loss = now, self.step, tracker.metrics["loss"].avg
                    records.write(self.step, tracker.to_dict() | {"samples_per_second": speed, "elapsed": self.elapsed})
                    tracker.reset_averages()
                if validation is not None and (int(fraction * VALIDATIONS) > validated or ending):
                    validated = int(fraction * VALIDATIONS)
                    with self.average.applied(self.learner.policy):
                        measured = self.learner.measure(iter(validation))
                        val_loss = measured["loss"]
                        records.write(
                            self.step, {f"val_{name}": value for name, value in measured.items()}, mode="eval"
                        )
                    window_start += time.perf_counter() - now
                report(Progress("training", fraction, budget.planned_steps, self.step, loss, val_loss, speed))
                if time.perf_counter() - saved_at >= options.checkpoint_minutes * 60 and not ending:
                    self.save()
                    saved_at = time.perf_counter()
        checkpoint = self.save()
        records.close()
        if not ending:
            raise KeyboardInterrupt
        return Result(self.step, checkpoint, loss, val_loss, speed, self.elapsed)

    def save(self) -> Path:
        return checkpoints.write_checkpoint(
            self.options.output,
            self.step,
            Clock(self.elapsed, self.budget.planned_steps),
            self.average,
            self.learner.accelerator.unwrap_model(self.learner.policy),
            self.options.keep_checkpoints,
            cfg=self.config,
            optimizer=self.optimizer,
            scheduler=self.scheduler,
            preprocessor=self.learner.preprocessor,
            postprocessor=self.learner.postprocessor,
            num_processes=1,
            batch_size=self.options.batch_size,
        )
