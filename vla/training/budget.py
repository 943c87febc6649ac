"""How far a run has come, in updates or in time, and the learning rate that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass

from torch.optim.lr_scheduler import LRScheduler


@dataclass(frozen=True)
class Budget:
    """The end of a run: a number of updates, or a time.

    In a run by time the learning rate follows the fraction of the time that is gone, so that the schedule ends exactly
    when the time does, however fast the machine turns out to be; ``planned_steps`` only sets its resolution.
    """

    planned_steps: int
    """Updates the learning-rate schedule is laid out for."""
    seconds: float | None = None
    """Time to train for [s]; None for a run of ``planned_steps`` updates."""

    def fraction(self, step: int, elapsed: float) -> float:
        """Return how much of the run is done after ``step`` updates and ``elapsed`` seconds; 1 or more when over."""
        return step / self.planned_steps if self.seconds is None else elapsed / self.seconds

    def schedule_step(self, step: int, elapsed: float) -> int:
        """Return the position on the learning-rate schedule."""
        if self.seconds is None:
            return step
        return min(self.planned_steps, int(self.fraction(step, elapsed) * self.planned_steps))


def move_scheduler(scheduler: LRScheduler, position: int) -> None:
    """Set the learning rate to that of ``position`` on the schedule."""
    scheduler.last_epoch = position - 1
    scheduler.step()
