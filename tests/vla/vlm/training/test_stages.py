"""Every stage runs, resumes as if nothing had happened, and leaves a model that the next stage starts from."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from tests.vla.vlm.training.helpers import language_folder, options, small_vlm, toy_views
from vla.errors import CheckpointError, ConfigError, DatasetError, UnknownNameError
from vla.training.records import read_metrics
from vla.vlm.bundle import load_vlm, save_light
from vla.vlm.training import runs, setup
from vla.vlm.training.learner import HEADS
from vla.vlm.training.options import STAGES, VlmTrainOptions
from vla.vlm.training.trainer import train

VIEWS = toy_views()


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that no stage has trained."""
    folder = tmp_path_factory.mktemp("start")
    model, processor = small_vlm(language_folder(folder / "language"))
    save_light(folder / "model", model, processor)
    return str(folder / "model")


def weights(output: Path | str) -> dict[str, torch.Tensor]:
    model, _ = load_vlm(output, merge=False)
    return {name: weight.detach() for name, weight in model.named_parameters()}


class Killed(Exception):
    pass


@pytest.mark.parametrize("stage", STAGES)
def test_resumes_exactly(stage: str, start: str, tmp_path: Path) -> None:
    whole = options(stage, start, tmp_path / "whole", steps=4)
    train(whole, views=VIEWS)
    parts = dataclasses.replace(whole, output=tmp_path / "parts", checkpoint_minutes=0.0)

    def kill(progress) -> None:
        if progress.step == 3:  # after the checkpoint of update 2, before that of update 3
            raise Killed

    with pytest.raises(Killed):
        train(parts, kill, views=VIEWS)
    assert runs.read_clock(runs.last_checkpoint(parts.output) or Path()).step == 2
    result = train(parts, views=VIEWS)
    assert result.step == 4
    one, other = weights(whole.output), weights(parts.output)
    assert one.keys() == other.keys()
    for name, weight in one.items():
        assert torch.equal(weight, other[name]), name
    begun = weights(start)
    assert any(name not in begun or not torch.equal(weight, begun[name]) for name, weight in one.items())
    rows = read_metrics(parts.output)
    assert [row["step"] for row in rows if "loss" in row] == [1, 2, 3, 4]
    assert rows[-1].keys() & {"loss", "val_loss"}
    assert f"stage={stage}" in (result.model / "card.md").read_text()
    assert len(list((parts.output / "checkpoints").iterdir())) == 2
    with pytest.raises(ConfigError, match="complete"):
        train(parts, views=VIEWS)


TRAINED = {
    "contrastive": {"vision_encoder"},
    "align": {"connector"},
    "instruct": {"connector", "language_model"},
    "preference": {"language_model"},
    "distill": {"connector", "language_model"},
}


@pytest.mark.parametrize("stage", STAGES)
def test_trains_what_the_stage_is_for(stage: str, start: str, tmp_path: Path) -> None:
    learner = setup.make_setup(options(stage, start, tmp_path, steps=1)).learner
    names = {name for name, weight in learner.model.named_parameters() if weight.requires_grad}
    assert {name.split(".")[0] for name in names} == TRAINED[stage]
    assert all("lora_" in name for name in names if name.startswith("language_model"))
    rows = [name for name, weight in learner.named_parameters() if "new_tokens" in name and weight.requires_grad]
    assert bool(rows) == (stage in ("instruct", "distill"))


def test_vision_is_trained_if_asked(start: str, tmp_path: Path) -> None:
    learner = setup.make_setup(options("instruct", start, tmp_path, steps=1, train_vision=True)).learner
    assert all(weight.requires_grad for weight in learner.model.vision_encoder.parameters())


def test_the_first_layers_of_the_vision_encoder_can_stay_as_they_are(start: str, tmp_path: Path) -> None:
    asked = options("instruct", start, tmp_path, steps=1, train_vision=True, vision_frozen=0.5)
    encoder = setup.make_setup(asked).learner.model.vision_encoder
    trained = [weight.requires_grad for weight in encoder.parameters()]
    assert trained == sorted(trained) and 0.2 < sum(trained) / len(trained) < 0.8
    with pytest.raises(ConfigError, match=r"vision_frozen=1.0"):
        options("instruct", start, tmp_path, steps=1, vision_frozen=1.0)


@pytest.mark.parametrize("stage", ["contrastive", "align", "instruct"])
def test_depthwise_filters_can_stay_as_they_are(stage: str, tmp_path: Path) -> None:
    parts = {"vision_encoder": "efficientnet_lite0", "image_size": 64, "language_model": language_folder(tmp_path)}
    asked = options(stage, None, tmp_path, steps=1, parts=parts, train_vision=True, vision_depthwise=False)
    encoder = setup.make_setup(asked).learner.model.vision_encoder
    trained = {
        depthwise: {layer.weight.requires_grad for layer in convolutions(encoder, depthwise=depthwise)}
        for depthwise in (True, False)
    }
    assert trained == {True: {False}, False: {True}}


def convolutions(network: nn.Module, *, depthwise: bool) -> list[nn.Conv2d]:
    found = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    return [layer for layer in found if (layer.groups > 1) == depthwise]


def test_naming_goes_on_from_what_align_has_learned(start: str, tmp_path: Path) -> None:
    train(options("align", start, tmp_path / "align", steps=2, learning_rate=0.1), views=VIEWS)
    learned = load_file(tmp_path / "align" / "model" / HEADS)
    heads = setup.make_setup(options("instruct", str(tmp_path / "align"), tmp_path, steps=1)).learner.trained_heads()
    assert heads is not None and learned
    for name, weight in heads.state_dict().items():
        torch.testing.assert_close(weight, learned[name])
    fresh = setup.make_setup(options("instruct", start, tmp_path, steps=1)).learner.trained_heads()
    assert fresh is not None and not torch.equal(fresh.state_dict()["box.weight"], learned["box.weight"])


def test_the_connector_can_learn_from_answers_instead_of_words(start: str, tmp_path: Path) -> None:
    asked = options("align", start, tmp_path / "align", steps=1, learn="answers")
    rows = [name for name, _ in setup.make_setup(asked).learner.named_parameters() if "new_tokens" in name]
    assert rows
    with pytest.raises(ConfigError, match="learn=words is for stage=align"):
        dataclasses.replace(asked, stage="instruct", learn="words")
    with pytest.raises(UnknownNameError, match="Valid: answers, both, words"):
        dataclasses.replace(asked, learn="anything")


@pytest.mark.slow
def test_stages_follow_one_another(start: str, tmp_path: Path) -> None:
    before = start
    for stage in STAGES:
        output = tmp_path / stage
        assert train(options(stage, before, output, steps=2, learning_rate=1e-2), views=VIEWS).step == 2
        before = str(output)
    model, _ = load_vlm(before)
    assert model.config.text_layers == [0]
    assert model.config.text.num_hidden_layers == 1


def test_trains_all_of_the_language_model_without_an_adapter(start: str, tmp_path: Path) -> None:
    result = train(options("instruct", start, tmp_path / "run", steps=1, lora_rank=0, learning_rate=0.1), views=VIEWS)
    name = "language_model.model.layers.0.self_attn.q_proj.weight"
    assert not torch.equal(weights(result.model)[name], weights(start)[name])
    assert setup.make_setup(options("align", str(tmp_path / "run"), tmp_path / "next", steps=1)).light is False


def test_a_run_by_time_ends(start: str, tmp_path: Path) -> None:
    result = train(options("align", start, tmp_path / "run", minutes=0.05, val_views=0), views=VIEWS)
    assert result.step >= 1
    assert result.elapsed >= 3
    rates = [row["learning_rate"] for row in read_metrics(tmp_path / "run")]
    assert rates[-1] < max(rates) / 3


def test_other_options_do_not_resume(start: str, tmp_path: Path) -> None:
    first = options("align", start, tmp_path / "run", steps=1)
    train(first, views=VIEWS)
    with pytest.raises(ConfigError, match="batch_size: was 2, is 3"):
        train(dataclasses.replace(first, batch_size=3, steps=2), views=VIEWS)
    with pytest.raises(ConfigError, match="holds a run"):
        train(dataclasses.replace(first, steps=2, resume="false"), views=VIEWS)


def test_says_what_is_wrong(start: str, tmp_path: Path) -> None:
    def make(**values) -> VlmTrainOptions:
        return options(**({"stage": "align", "init": start, "output": tmp_path / "run"} | values))

    with pytest.raises(UnknownNameError, match="Did you mean 'align'"):
        make(stage="aligm", steps=1)
    for values in ({}, {"steps": 1, "minutes": 1.0}):
        with pytest.raises(ConfigError, match="one of steps= and minutes="):
            make(**values)
    with pytest.raises(UnknownNameError, match="kind of question"):
        make(steps=1, kinds=("plans",))
    with pytest.raises(ConfigError, match="needs init="):
        make(stage="preference", init=None, steps=1)
    with pytest.raises(ConfigError, match="connector= is for a new model"):
        make(steps=1, parts={"connector": "linear"})
    with pytest.raises(DatasetError, match="has no views in train/"):
        train(make(steps=1))
    with pytest.raises(CheckpointError, match="no vision-language model"):
        train(make(steps=1, init=str(tmp_path)), views=VIEWS)
    with pytest.raises(DatasetError, match="anything to learn"):
        train(make(stage="instruct", steps=1, kinds=("sign",)), views=VIEWS)
    with pytest.raises(ConfigError, match="layers=7"):
        train(make(stage="distill", steps=1, layers=7), views=VIEWS)
    with pytest.raises(UnknownNameError, match="linear layer"):
        train(make(stage="instruct", steps=1, lora_targets=["q_prox"]), views=VIEWS)
    assert not (tmp_path / "run").exists()


def test_run_file_holds_plain_values(start: str, tmp_path: Path) -> None:
    made = options("align", start, tmp_path, steps=1, kinds=("plan",))
    assert json.loads(json.dumps(made.defining())) == made.defining()
