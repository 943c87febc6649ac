"""The connector of objects learns what is where."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.vla.vlm.training.helpers import language_folder, options, small_vlm, toy_views
from vla.errors import UnknownNameError
from vla.vlm.bundle import load_vlm, save_light
from vla.vlm.data.cameras import SomeCameras
from vla.vlm.training.detection import Detector
from vla.vlm.training.images import decode
from vla.vlm.training.items import SceneItems
from vla.vlm.training.naming import make_namer
from vla.vlm.training.packing import Batch
from vla.vlm.training.scenes import collate_scenes, read_scene
from vla.vlm.training.trainer import train


def parts(folder: Path) -> tuple[Any, Any]:
    return small_vlm(language_folder(folder), connector="objects", connector_objects=4, connector_dim=32)


def batch_of(processor: Any, count: int) -> Batch:
    items = SceneItems(processor, 1)
    views = toy_views(train=count)["train"]
    return items.collate([items.prepare(view, decode(view, processor), None) for view in views])  # type: ignore[arg-type]


def patches_of(batch: Batch, channels: int) -> torch.Tensor:
    """Features that tell the first letter of a colour in its patch, and nothing elsewhere."""
    patches = torch.zeros(len(batch["scene"]), 16, channels)
    for scene, box, spelled in zip(batch["scene_of"], batch["boxes"], batch["spelled"], strict=True):
        left, upper = (int(edge * 4) for edge in box[:2])
        patches[scene, upper * 4 + left, int(spelled[1])] = 1
    return patches


def test_finds_names_and_encloses_what_it_has_learned(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model, processor = parts(tmp_path)
    batch = batch_of(processor, 8)
    patches, detector = patches_of(batch, model.config.vision.feature_dim), Detector(model)
    optimizer = torch.optim.Adam(model.connector.parameters(), lr=0.01)
    first = detector(patches, batch)
    for _ in range(80):
        optimizer.zero_grad()
        detector(patches, batch)["loss"].backward()
        optimizer.step()
    last = {name: float(value.detach()) for name, value in detector(patches, batch).items()}
    assert first["found"] < 0.1 and last["found"] > 0.9
    assert last["invented"] < 0.1
    assert first["naming_accuracy"] < 0.9 < last["naming_accuracy"]
    assert last["box_overlap"] > 0.7
    assert first["state_accuracy"] < 0.9 < last["state_accuracy"]


def test_states_that_are_not_known_teach_nothing(tmp_path: Path) -> None:
    model, processor = parts(tmp_path)
    batch = batch_of(processor, 2)
    patches, detector = patches_of(batch, model.config.vision.feature_dim), Detector(model)
    known = (batch["state_spelled"] >= 0).any(dim=1)
    assert known.all()
    unknown = torch.full_like(batch["state_spelled"], -1)
    assert detector(patches, batch | {"state_spelled": unknown})["loss"] < detector(patches, batch)["loss"]
    detector(patches, batch | {"state_spelled": unknown})["loss"].backward()
    assert not model.connector.state.weight.grad.any()


def test_names_may_be_shorter_than_there_is_room_for(tmp_path: Path) -> None:
    model, processor = parts(tmp_path)
    batch = batch_of(processor, 2)
    patches, detector = patches_of(batch, model.config.vision.feature_dim), Detector(model)
    short = detector(patches, batch | {"spelled": batch["spelled"][:, :1]})
    assert short["loss"].isfinite() and short["loss"] != detector(patches, batch)["loss"]


def test_scenes_spell_the_names_of_their_objects(tmp_path: Path) -> None:
    _, processor = parts(tmp_path)
    view = toy_views()["train"][0]
    batch = collate_scenes([read_scene(view, processor, 1)], [1])
    for row, region in zip(batch["spelled"], view.regions, strict=True):
        spelled = [int(batch["words"][place]) for place in row if place >= 0]
        assert processor.tokenizer.decode(spelled) == f" {region.phrase}"


def test_scenes_of_which_nothing_is_known_cost_nothing(tmp_path: Path) -> None:
    model, _ = parts(tmp_path)
    namer = make_namer(model)
    assert isinstance(namer, Detector)
    patches = torch.randn(0, 16, model.config.vision.feature_dim)
    assert namer(patches, collate_scenes([None, None], [1, 1]))["loss"] == 0


@pytest.mark.parametrize("stage", ["align", "instruct"])
def test_stages_train_it_and_what_they_leave_loads(stage: str, tmp_path: Path) -> None:
    model, processor = parts(tmp_path / "language")
    save_light(tmp_path / "start", model, processor)
    asked = options(stage, str(tmp_path / "start"), tmp_path / "run", steps=2, learning_rate=1e-2, connector_rate=0.5)
    result = train(asked, views=toy_views())
    trained, _ = load_vlm(result.model)
    assert not torch.equal(trained.connector.presence.weight, model.connector.presence.weight)  # type: ignore[union-attr]


def test_a_model_remembers_which_cameras_it_has_learned_from(tmp_path: Path) -> None:
    model, processor = parts(tmp_path / "language")
    save_light(tmp_path / "start", model, processor)
    views = {
        split: [dataclasses.replace(view, cameras=("front", "wrist"), images=view.images * 2) for view in each]
        for split, each in toy_views().items()
    }
    first = options("align", str(tmp_path / "start"), tmp_path / "first", steps=1, cameras=("front",))
    assert load_vlm(train(first, views=views).model)[0].config.cameras == ["front"]
    second = options("instruct", str(tmp_path / "first"), tmp_path / "second", steps=1)
    assert load_vlm(train(second, views=views).model)[0].config.cameras == ["front"]
    wrong = options("align", str(tmp_path / "start"), tmp_path / "wrong", steps=1, cameras=("side",))
    with pytest.raises(UnknownNameError, match=r"'side'.*front, wrist"):
        train(wrong, views=views)


def test_only_the_cameras_that_are_asked_for_are_shown() -> None:
    views = toy_views()["train"]
    assert SomeCameras(views, ["front"])[0] == views[0]
    assert [view.cameras for view in SomeCameras(views, ["front"])[:2]] == [("front",)] * 2
    assert len(list(SomeCameras(views, ["front"]))) == len(views)
    with pytest.raises(UnknownNameError, match=r"'frnt'.*front"):
        SomeCameras(views, ["frnt"])
