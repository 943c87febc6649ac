"""transformers' Trainer with a budget of updates or minutes, our batches, and checkpoints that a kill cannot spoil."""

from __future__ import annotations

import math
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from vla.training.progress import Progress, Report
from vla.training.records import Records
from vla.vlm.training import runs
from vla.vlm.training.batches import Batches
from vla.vlm.training.learner import Learner
from vla.vlm.training.options import VlmTrainOptions
from vla.vlm.training.packing import Batch
from vla.vlm.training.runs import Clock

VALIDATIONS = 10
"""How often a run measures its held-out loss, besides at its end."""
ASIDE = ".writing"
ENDLESS = 10**9
"""Updates that no run by time reaches."""


class BudgetTrainer(Trainer):
    """Trains a learner until its budget is spent.

    Args:
        learner: what to train.
        options: of the run.
        make_batches: returns the batches from that update on.
        held_out: batches to measure the loss on.
        clock: where a resumed run stands.
    """

    def __init__(
        self,
        learner: Learner,
        options: VlmTrainOptions,
        make_batches: Callable[[int], Batches],
        held_out: Sequence[Batch],
        clock: Clock,
    ) -> None:
        self.options, self.make_batches, self.held_out = options, make_batches, held_out
        self.budget, self.begun_with, self.first = runs.make_budget(options), clock.elapsed, clock.step
        self.started = time.perf_counter()
        self.extras: dict[str, list[float]] = {}
        arguments = TrainingArguments(
            output_dir=str(options.output),
            max_steps=options.steps or ENDLESS,
            per_device_train_batch_size=options.batch_size,
            max_grad_norm=1.0,
            logging_strategy="no",
            eval_strategy="no",
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            bf16=options.precision == "bf16",
            use_cpu=options.on_cpu,
            seed=options.seed,
            ignore_data_skip=True,
            remove_unused_columns=False,
            dataloader_pin_memory=torch.cuda.is_available(),
        )
        super().__init__(model=learner, args=arguments, train_dataset=make_batches(self.first))
        self.remove_callback(PrinterCallback)

    @property
    def learner(self) -> Learner:
        """What is trained."""
        assert isinstance(self.model, Learner)
        return self.model

    @property
    def elapsed(self) -> float:
        """Training time so far, that of earlier sessions included [s]."""
        return self.begun_with + time.perf_counter() - self.started

    @property
    def fraction(self) -> float:
        """How much of the budget is spent."""
        return self.budget.fraction(self.state.global_step, self.elapsed)

    def get_train_dataloader(self) -> DataLoader:
        """Return the batches, as they are."""
        generator = torch.Generator().manual_seed(self.options.seed)
        batches: Any = self.train_dataset
        return DataLoader(batches, batch_size=None, generator=generator, pin_memory=self.args.dataloader_pin_memory)

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Return AdamW: matrices decay, and parts of the model have learning rates of their own."""
        if self.optimizer is None:
            groups: dict[tuple[float, bool], list[torch.nn.Parameter]] = {}
            for name, weight in self.learner.named_parameters():
                if weight.requires_grad:
                    groups.setdefault((self._rate(name), weight.ndim > 1), []).append(weight)
            self.optimizer = torch.optim.AdamW(
                [
                    {
                        "params": weights,
                        "lr": self.options.rate * scale,
                        "weight_decay": self.options.weight_decay if decays else 0.0,
                    }
                    for (scale, decays), weights in groups.items()
                ],
                betas=(0.9, 0.98),
            )
        return self.optimizer

    def _rate(self, name: str) -> float:
        """Return the relative learning rate of a weight."""
        if name.startswith("model.vision_encoder.") and self.options.stage != "contrastive":
            return self.options.vision_rate
        if name.startswith("model.connector.") and self.options.stage in ("instruct", "distill"):
            return self.options.connector_rate
        return 1.0

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> LambdaLR:
        """Return the schedule over the budget: a linear rise, then half a cosine down to a hundredth."""

        def factor(step: int) -> float:
            spent = min(1.0, self.budget.fraction(step, self.elapsed))
            if spent < self.options.warmup:
                return max(0.01, spent / self.options.warmup)
            return 0.01 + 0.99 * (1 + math.cos(math.pi * spent)) / 2

        if self.lr_scheduler is None:
            assert self.optimizer is not None
            self.lr_scheduler = LambdaLR(self.optimizer, factor)
            self._created_lr_scheduler = True
        assert isinstance(self.lr_scheduler, LambdaLR)
        return self.lr_scheduler

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, *_: Any, **__: Any) -> Any:
        """Return the learner's loss; remember what else it says."""
        output = model(**inputs)
        for name, value in output.items():
            if name != "loss":
                self.extras.setdefault(name, []).append(float(value.detach()))
        return (output["loss"], output) if return_outputs else output["loss"]

    def take_extras(self) -> dict[str, float]:
        """Return the means of what the learner said besides its loss since the last call."""
        means = {name: sum(values) / len(values) for name, values in self.extras.items()}
        self.extras = {}
        return means

    @torch.no_grad()
    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:  # type: ignore[override]
        """Return the means over the held-out batches, each named ``val_…``."""
        self.learner.eval()
        totals: dict[str, float] = {}
        for batch in self.held_out:
            for name, value in self.learner(**self._prepare_inputs(batch)).items():  # type: ignore[arg-type]
                totals[f"val_{name}"] = totals.get(f"val_{name}", 0.0) + float(value) / len(self.held_out)
        self.learner.train()
        return totals

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Write the trained weights."""
        folder = output_dir or self.args.output_dir
        assert folder is not None
        runs.save_trained(Path(folder), self.learner)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        runs.load_trained(Path(resume_from_checkpoint), self.learner)

    def _get_output_dir(self, trial: Any) -> str:
        return str(self.options.output / ASIDE)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        aside = self.options.output / ASIDE
        shutil.rmtree(aside, ignore_errors=True)
        super()._save_checkpoint(model, trial)
        clock = Clock(self.state.global_step, self.elapsed)
        runs.finish_checkpoint(next(aside.iterdir()), self.options.output, clock, self.options.keep_checkpoints)
        shutil.rmtree(aside)


class Pace(TrainerCallback):
    """Says when to record, to validate, to save and to stop, and tells what goes on.

    Args:
        trainer: whose budget it is.
        records: receives metrics.
        stop: set when the run is to end early.
        report: receives the progress.
    """

    def __init__(self, trainer: BudgetTrainer, records: Records, stop: threading.Event, report: Report) -> None:
        self.trainer, self.records, self.stop, self.report = trainer, records, stop, report
        self.loss = self.val_loss = self.speed = math.nan
        self.saved_at = self.window = time.perf_counter()
        self.window_step = trainer.first
        self.validated = int(trainer.budget.fraction(trainer.first, trainer.begun_with) * VALIDATIONS)
        self.values: dict[str, float] = {}

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the clock: preparations do not count."""
        self.trainer.started = self.saved_at = self.window = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        """Decide what comes next."""
        options, now, fraction = self.trainer.options, time.perf_counter(), self.trainer.fraction
        over = fraction >= 1
        control.should_training_stop = over or self.stop.is_set()
        control.should_log = state.global_step % options.log_steps == 0 or control.should_training_stop
        control.should_save = control.should_training_stop or now - self.saved_at >= options.checkpoint_minutes * 60
        if control.should_save:
            self.saved_at = now
        if control.should_log:
            self.speed = (state.global_step - self.window_step) * options.batch_size / (now - self.window)
            self.window, self.window_step = now, state.global_step
        if self.trainer.held_out and (over or int(fraction * VALIDATIONS) > self.validated):
            self.validated = int(fraction * VALIDATIONS)
            values = self.trainer.evaluate()
            self.val_loss = values["val_loss"]
            self.records.write(state.global_step, values, mode="eval")
            self.window += time.perf_counter() - now
        total = options.steps or round((options.minutes or 0) * 60)
        self.report(Progress("training", fraction, total, state.global_step, self.loss, self.val_loss, self.speed))
        return control

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        """Record the metrics since the last time."""
        if logs and "loss" in logs:
            self.loss = logs["loss"]
            values = {name: logs[name] for name in ("loss", "grad_norm", "learning_rate") if name in logs}
            values |= self.trainer.take_extras() | {"samples_per_second": self.speed, "elapsed": self.trainer.elapsed}
            self.records.write(state.global_step, values)
