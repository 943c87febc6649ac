from __future__ import annotations

import pytest
import torch
from torch.optim.lr_scheduler import LambdaLR

from vla.training.budget import Budget, move_scheduler


def test_steps():
    budget = Budget(100)
    assert budget.fraction(25, elapsed=1e9) == 0.25
    assert [budget.schedule_step(step, 0.0) for step in (0, 7, 100)] == [0, 7, 100]


def test_minutes_lay_the_schedule_over_the_time():
    budget = Budget(100, seconds=50.0)
    assert budget.fraction(step=3, elapsed=25.0) == 0.5
    assert budget.schedule_step(3, 25.0) == 50
    assert budget.schedule_step(999, 51.0) == 100


def test_moving_a_scheduler_equals_stepping_it():
    def make() -> tuple[torch.optim.Optimizer, LambdaLR]:
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=2.0)
        return optimizer, LambdaLR(optimizer, lambda step: 0.9**step)

    (stepped, slow), (moved, fast) = make(), make()
    for step in range(1, 6):
        stepped.step()
        moved.step()
        slow.step()
        move_scheduler(fast, step)
        assert moved.param_groups[0]["lr"] == pytest.approx(stepped.param_groups[0]["lr"])
    move_scheduler(fast, 20)
    assert moved.param_groups[0]["lr"] == pytest.approx(2.0 * 0.9**20)
