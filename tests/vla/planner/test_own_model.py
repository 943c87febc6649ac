"""Our own model as a planner's: it is shown what it has learned from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from vla.errors import PlanError
from vla.planner.own_model import OwnModel
from vla.vlm.tiny import tiny_vlm

NOW, THEN, OTHER = (np.full((32, 32, 3), value, np.uint8) for value in (200, 100, 50))


def shown_to(cameras: list[str], pictures: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    own = OwnModel(*tiny_vlm())
    own.decoder.model.config.cameras = cameras
    seen: dict[str, Any] = {}
    monkeypatch.setattr(own.decoder, "look", lambda given: seen.update(given))
    own.look(pictures)
    return seen


@pytest.mark.parametrize(
    ("cameras", "pictures", "expected"),
    [
        ([], {"front": NOW, "wrist": OTHER}, {"front": NOW, "wrist": OTHER}),
        (["front"], {"front": NOW, "wrist": OTHER}, {"front": NOW}),
        (["front", "front before"], {"front before": THEN, "front": NOW}, {"front": NOW, "front before": THEN}),
        (["front", "front before"], {"front": NOW}, {"front": NOW, "front before": NOW}),
        (["front"], {"side": OTHER}, {"side": OTHER}),
    ],
)
def test_shows_the_cameras_that_it_knows_in_their_order(
    cameras: list[str], pictures: dict[str, Any], expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = shown_to(cameras, pictures, monkeypatch)
    assert list(seen) == list(expected)
    assert all(seen[name] is expected[name] for name in expected)


@pytest.mark.parametrize("seed", [0, 2, 3])
@pytest.mark.parametrize(
    ("known", "objects", "named"),
    [
        ([], ["red cube", "blue cube"], {"red cube", "blue cube"}),
        (["red cube", "green cube"], ["blue cube", "red cube"], {"red cube"}),
    ],
)
def test_a_plan_names_what_it_may_in_any_case_and_this_time(
    seed: int, known: list[str], objects: list[str], named: set[str]
) -> None:
    conversation = OwnModel(*tiny_vlm(seed=seed), objects=known).look({"front": NOW})
    answer = conversation.plan("what next?", {"pick"}, objects)
    assert answer.step is not None and answer.step.object in named


def test_where_nothing_may_be_named_there_is_no_plan() -> None:
    conversation = OwnModel(*tiny_vlm(), objects=["red cube"]).look({"front": NOW})
    with pytest.raises(PlanError, match="none of blue cube may be named, only red cube"):
        conversation.plan("what next?", {"pick"}, ["blue cube"])
