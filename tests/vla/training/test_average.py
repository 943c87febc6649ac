from __future__ import annotations

import torch
from torch import nn

from vla.training.average import WeightAverage, set_weights


def fill(model: nn.Module, value: float) -> None:
    with torch.no_grad():
        for weight in model.parameters():
            weight.fill_(value)


def test_average_follows_the_formula_and_swaps_in_and_out():
    model = nn.Linear(2, 1)
    model.bias.requires_grad_(False)
    fill(model, 0.0)
    average = WeightAverage(model, decay=0.5)
    expected = 0.0
    for updates, value in enumerate((1.0, 3.0, -2.0), start=1):
        fill(model, value)
        average.update(model, updates)
        decay = min(0.5, (1 + updates) / (10 + updates))
        expected = decay * expected + (1 - decay) * value
    with average.applied(model):
        torch.testing.assert_close(model.weight, torch.full((1, 2), expected))
        assert model.bias.item() == -2.0
    assert (model.weight == -2.0).all()


def test_no_decay_follows_the_weights():
    model = nn.Linear(2, 1)
    average = WeightAverage(model, decay=0.0)
    fill(model, 4.0)
    average.update(model, 1)
    other = nn.Linear(2, 1)
    set_weights(other, average.weights)
    assert (other.weight == 4.0).all()
