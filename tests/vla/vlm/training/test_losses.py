"""Each stage's loss teaches what it is for."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.vla.vlm.training.helpers import language_folder, small_vlm, toy_view
from vla.errors import UnknownNameError
from vla.types import Box
from vla.vlm.depth import choose_layers, keep_layers
from vla.vlm.examples import Question, View
from vla.vlm.lora import add_lora
from vla.vlm.tiny import tiny_vlm
from vla.vlm.training.answering import AnswerLoss
from vla.vlm.training.batches import Batches
from vla.vlm.training.contrastive import ContrastiveLearner
from vla.vlm.training.distill import DistillLearner
from vla.vlm.training.items import AnswerItems, PairItems
from vla.vlm.training.learner import Learner
from vla.vlm.training.preference import PreferenceLearner
from vla.vlm.training.regions import RegionItems, covered

VIEWS = [toy_view(seed) for seed in range(24)]


class Letters:
    """Text vectors that need no model: counts of colour words."""

    def __call__(self, texts: Any) -> Tensor:
        words = ("red", "green", "blue", "yellow")
        return torch.tensor([[float(word in text) for word in words] + [1.0] for text in texts])


def batches(items: Any, learner: Learner, size: int, views: Sequence[View] = VIEWS) -> Iterator[dict[str, Tensor]]:
    return iter(Batches(views, items, learner.processor, batch_size=size))


def fit(learner: Learner, stream: Iterator[dict[str, Tensor]], steps: int, rate: float) -> list[dict[str, float]]:
    torch.manual_seed(0)
    learner.train()
    optimizer = torch.optim.AdamW([w for w in learner.parameters() if w.requires_grad], lr=rate, weight_decay=0.0)
    history = []
    for _ in range(steps):
        output = learner(**next(stream))
        optimizer.zero_grad()
        output["loss"].backward()
        optimizer.step()
        history.append({name: float(value.detach()) for name, value in output.items()})
    return history


@pytest.mark.parametrize("loss", ["siglip", "clip"])
def test_regions_find_their_phrases(loss: str, tmp_path: Path) -> None:
    model, processor = small_vlm(language_folder(tmp_path))
    learner = ContrastiveLearner(model, processor, text_dim=5, loss=loss)
    items: Any = RegionItems(Letters(), model.config.vision.grid)
    history = fit(learner, batches(items, learner, 8), 60, 3e-3)
    last = history[-5:]
    assert sum(row["region_accuracy"] for row in last) / 5 > 0.85  # chance is 0.5
    assert last[-1]["loss"] < history[0]["loss"] / 2


@pytest.mark.parametrize("masked", ["patches", "text"])
def test_what_is_hidden_is_guessed(masked: str, tmp_path: Path) -> None:
    model, processor = small_vlm(language_folder(tmp_path))
    learner = ContrastiveLearner(model, processor, text_dim=5, masked=masked)
    items: Any = RegionItems(Letters(), model.config.vision.grid, 0.3 * (masked == "patches"), masked == "text")
    history = fit(learner, batches(items, learner, 8), 40, 3e-3)
    assert history[-1]["masked_loss"] < history[0]["masked_loss"]


def test_a_neighbouring_coordinate_is_partly_right() -> None:
    locations = [7, 6, 5, 4]  # in the order of their coordinates
    logits = torch.zeros(1, 9)
    losses = {}
    for said in range(9):
        scores = logits.clone()
        scores[0, said] = 4.0
        losses[said] = float(AnswerLoss(locations, 9, blur=1.0)(scores, torch.tensor([6])))
    assert losses[6] < losses[7] < losses[4] < losses[8]
    assert losses[7] == pytest.approx(losses[5])
    assert losses[8] == pytest.approx(losses[0])  # no coordinate at all


@pytest.mark.parametrize("target", [6, 2])
def test_without_blur_and_for_words_it_is_the_cross_entropy(target: int) -> None:
    logits = torch.randn(1, 9, generator=torch.Generator().manual_seed(0))
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor([target]))
    torch.testing.assert_close(AnswerLoss([7, 6, 5], 9, blur=0.0)(logits, torch.tensor([target])), expected)
    torch.testing.assert_close(AnswerLoss([], 9, blur=1.0)(logits, torch.tensor([target])), expected)
    if target == 2:
        torch.testing.assert_close(AnswerLoss([7, 6, 5], 9, blur=1.0)(logits, torch.tensor([2])), expected)


def test_coordinates_count_as_much_as_asked_for() -> None:
    logits = torch.randn(2, 9, generator=torch.Generator().manual_seed(0))
    coordinate, word = torch.nn.functional.cross_entropy(logits, torch.tensor([6, 2]), reduction="none")
    said = AnswerLoss([7, 6, 5], 9, blur=0.0, weight=0.25)(logits, torch.tensor([6, 2]))
    torch.testing.assert_close(said, (0.25 * coordinate + word) / 1.25)


def test_names_of_losses_are_checked(tmp_path: Path) -> None:
    model, processor = tiny_vlm()
    with pytest.raises(UnknownNameError, match="'clipp'"):
        ContrastiveLearner(model, processor, 5, loss="clipp")


def test_covered_is_shared_by_area() -> None:
    areas = covered(Box(0.25, 0.0, 0.75, 0.5), 4)
    assert areas.view(4, 4)[:2, 1:3].tolist() == [[0.25, 0.25], [0.25, 0.25]]
    assert areas.sum() == 1


def test_preference_widens_the_margin_and_leaves_the_reference() -> None:
    model, processor = tiny_vlm()
    model.requires_grad_(False)
    add_lora(model.language_model, 4)
    for name, weight in model.language_model.named_parameters():
        weight.requires_grad_("lora_" in name)
    learner = PreferenceLearner(model, processor, beta=0.5)
    frozen = {name: weight.detach().clone() for name, weight in learner.named_parameters() if not weight.requires_grad}
    polite = (Question("existence", "Is it there?", "no", rejected="go away"),)  # a preference that needs no eyes
    views = [dataclasses.replace(view, questions=polite) for view in VIEWS]
    history = fit(learner, batches(PairItems(processor, 1000), learner, 4, views), 25, 5e-3)
    assert history[0]["margin"] == pytest.approx(0, abs=1e-5)
    assert history[-1]["margin"] > 0.3
    assert history[-1]["loss"] < history[0]["loss"]
    assert any("reference" in name for name in frozen)
    for name, weight in learner.named_parameters():
        if name in frozen:
            assert torch.equal(weight, frozen[name]), name


def test_distillation_approaches_the_teacher() -> None:
    teacher, processor = tiny_vlm()
    with torch.no_grad():
        for weight in teacher.language_model.parameters():
            weight *= 3  # opinions to learn
    student = copy.deepcopy(teacher)
    keep_layers(student.language_model, [0])
    student.requires_grad_(False)
    student.unfreeze("language", "connector")
    learner = DistillLearner(student, processor, teacher, weight=1.0)
    history = fit(learner, batches(AnswerItems(processor, 1000), learner, 4), 40, 3e-3)
    assert history[-1]["divergence"] < history[0]["divergence"] / 2


def test_layers_are_first_or_spaced() -> None:
    assert choose_layers(30, 15, "first") == list(range(15))
    spaced = choose_layers(30, 15, "spaced")
    assert (spaced[0], spaced[-1], len(set(spaced))) == (0, 29, 15)
    assert choose_layers(4, 4, "spaced") == [0, 1, 2, 3]


def test_a_shorter_model_still_generates() -> None:
    model, processor = tiny_vlm()
    keep_layers(model.language_model, [1])
    inputs = processor(text="hello")
    both = model.generate(**inputs, max_new_tokens=4, do_sample=False)
    plain = model.generate(**inputs, max_new_tokens=4, do_sample=False, use_cache=False)
    assert torch.equal(both, plain)
