"""Tokens that learn the words of what is in their place."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.vla.vlm.training.helpers import language_folder, small_vlm, toy_views
from vla.errors import ConfigError
from vla.vlm.modeling import VisionLanguageModel
from vla.vlm.processing import VlmProcessor
from vla.vlm.training.images import decode
from vla.vlm.training.items import SceneItems
from vla.vlm.training.naming import Namer, NamingLearner
from vla.vlm.training.packing import Batch
from vla.vlm.training.scenes import collate_scenes, read_scene
from vla.vlm.vocabulary import embedding_weights

Parts = tuple[VisionLanguageModel, VlmProcessor]


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return small_vlm(language_folder(tmp_path))


def batch_of(parts: Parts, count: int) -> Batch:
    model, processor = parts
    assert model.connector.side is not None
    items = SceneItems(processor, model.connector.side)
    views = toy_views(train=count)["train"]
    return items.collate([items.prepare(view, decode(view, processor), None) for view in views])  # type: ignore[arg-type]


def test_a_scene_says_where_its_objects_are(parts: Parts) -> None:
    view = toy_views()["train"][0]
    scene = read_scene(view, parts[1], 4)
    assert scene is not None and len(scene.words) == len(view.regions) == 2
    for region, areas, words in zip(view.regions, scene.areas, scene.words, strict=True):
        x, y = region.box.center
        assert areas.argmax() == int(y * 4) * 4 + int(x * 4)
        assert str(parts[1].tokenizer.decode(list(words))).strip() == region.phrase


def test_scenes_of_a_batch_point_at_their_images(parts: Parts) -> None:
    views = toy_views()["train"][:2]
    scenes = [read_scene(views[0], parts[1], 4), None, read_scene(views[1], parts[1], 4)]
    batch = collate_scenes(scenes, [3, 2, 3])
    assert batch["scene"].tolist() == [0, 5]
    assert batch["scene_of"].tolist() == [0, 0, 1, 1]
    for row, words in zip(batch["named"], [w for scene in scenes if scene for w in scene.words], strict=True):
        assert set(batch["words"][row].tolist()) == set(words)


def test_tokens_that_are_the_words_in_their_places_are_right(parts: Parts) -> None:
    model, _ = parts
    batch, namer = batch_of(parts, 4), Namer(model)
    table = embedding_weights(model.language_model)["input"]
    named = torch.zeros(len(batch["scene"]), model.connector.num_tokens, table.shape[1]) + namer.center
    for areas, words, scene in zip(batch["areas"], batch["named"], batch["scene_of"], strict=True):
        named[scene, areas.argmax()] = table[batch["words"][words]].mean(dim=0)
    swapped = named.flip(1)
    good, bad = namer.judge(named, batch), namer.judge(swapped, batch)
    assert good["loss"] < bad["loss"]


def test_learning_improves_names_and_boxes(parts: Parts) -> None:
    torch.manual_seed(0)
    model, processor = parts
    model.freeze("vision", "language")
    learner, batch = NamingLearner(model, processor), batch_of(parts, 8)
    optimizer = torch.optim.Adam([weight for weight in learner.parameters() if weight.requires_grad], lr=0.01)
    first = learner(**batch)
    for _ in range(60):
        optimizer.zero_grad()
        learner(**batch)["loss"].backward()
        optimizer.step()
    output = learner(**batch)
    assert output["loss"] < 0.5 * first["loss"]
    assert output["box_error"] < 0.5 * first["box_error"]
    assert output["naming_accuracy"] > first["naming_accuracy"]


def test_a_batch_of_which_nothing_is_known_costs_nothing(parts: Parts) -> None:
    model, _ = parts
    tokens = torch.randn(0, model.connector.num_tokens, model.config.text.hidden_size)
    assert Namer(model).judge(tokens, collate_scenes([None, None], [1, 1]))["loss"] == 0


def test_tokens_without_places_have_no_names(tmp_path: Path) -> None:
    model, _ = small_vlm(language_folder(tmp_path), connector="qformer")
    with pytest.raises(ConfigError, match="linear, mlp"):
        Namer(model)
