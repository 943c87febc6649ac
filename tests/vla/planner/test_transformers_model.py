from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.vla.planner.foreign_models import save_idefics, save_llava
from tests.vla.planner.vlm_helpers import FRAME, observation
from vla.errors import CheckpointError, ConfigError, PlanError
from vla.planner.registry import make_planner
from vla.planner.transformers_model import TransformersModel, first_tokens
from vla.planner.vlm import VlmPlanner
from vla.types import Box, Done, Hold, Refuse, Subgoal
from vla.vlm.tiny import byte_tokenizer, tiny_vlm


@pytest.fixture(scope="module", params=[save_llava, save_idefics])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return request.param(tmp_path_factory.mktemp("foreign"))


def test_any_image_text_model_gives_plans(folder: Path) -> None:
    planner = make_planner("vlm", None, {"model": str(folder), "device": "cpu", "guard": False, "patience": 9})
    assert isinstance(planner, VlmPlanner) and isinstance(planner.chat, TransformersModel)
    for _ in range(2):
        plan = planner.plan(observation(), "put the red cube in the bowl", [])
        assert isinstance(plan, Subgoal | Done | Refuse | Hold)
        assert not isinstance(plan, Hold) or "itself" in plan.reason or "no place" in plan.reason


def test_any_image_text_model_answers(folder: Path) -> None:
    model = TransformersModel.load(str(folder), max_tokens=130, objects=["red cube", "bowl"])
    conversation = model.look({"front": FRAME, "wrist": FRAME})
    probabilities = conversation.choose("is the bowl empty?", ["yes", "no", "cannot see"])
    assert sum(probabilities) == pytest.approx(1) and min(probabilities) > 0
    box = conversation.locate("red cube")
    assert box is None or isinstance(box, Box)
    try:
        answer = conversation.plan("Next subgoal?")
        assert answer.step is None or answer.step.object in ("red cube", "bowl")
    except PlanError as error:
        assert "itself" in str(error) or "no place" in str(error)
    other = model.look({"front": 255 - FRAME, "wrist": FRAME}).choose("is the bowl empty?", ["yes", "no", "cannot see"])
    assert not np.allclose(probabilities, other)


def test_what_is_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"model=.*nothing is neither a folder nor a hub id"):
        TransformersModel.load(str(tmp_path / "nothing"))


def test_our_own_model_is_told_from_others(tmp_path: Path) -> None:
    model, processor = tiny_vlm()
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    planner = make_planner("vlm", None, {"model": str(tmp_path), "max_tokens": 80, "device": "cpu"})
    assert isinstance(planner, VlmPlanner) and type(planner.chat).__name__ == "OwnModel"
    again = make_planner("vlm", None, {"model": str(tmp_path), "max_tokens": 80, "device": "cpu", "attempts": 1})
    assert isinstance(again, VlmPlanner) and again.chat is planner.chat


def test_without_weights_the_way_to_them_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match="train one with `vla vlm data` and `vla vlm train`"):
        make_planner("vlm", None, {})


@pytest.mark.parametrize("options", [{"atempts": 1}, {"attempts": 0}, {"monitor": {"reached_above": 2}}])
def test_wrong_options_are_named(options: dict) -> None:
    name = next(iter(options))
    with pytest.raises(ConfigError, match=name):
        make_planner("vlm", None, options)


def test_answers_that_begin_alike_cannot_be_told_apart() -> None:
    with pytest.raises(ConfigError, match="'yes' from"):
        first_tokens(byte_tokenizer(), ["yes", "yesterday"])
