"""What a request must hold, and what is said when it does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.vla.serve.tiny import SIZE, SPEC, SUBGOAL, observation, request
from vla.errors import CheckpointError, ProtocolError
from vla.serve.spec import PolicySpec
from vla.serve.wire import decode, encode
from vla.types import Box, Observation, Subgoal, goal_vector


def test_a_request_is_read_as_what_it_was_made_from() -> None:
    seen = observation()
    back, subgoal = SPEC.read_request(decode(encode(SPEC.to_request(seen, SUBGOAL))))
    assert sorted(back.images) == sorted(seen.images)
    for camera, frame in seen.images.items():
        np.testing.assert_array_equal(back.images[camera], frame)
    np.testing.assert_array_equal(back.state, seen.state)
    assert subgoal.text == SUBGOAL.text
    np.testing.assert_array_equal(goal_vector(subgoal), goal_vector(SUBGOAL))


def test_a_box_of_any_numbers_comes_back_as_the_same_goal() -> None:
    for seed in range(50):
        x0, y0 = np.random.default_rng(seed).uniform(0, 0.4, 2)
        subgoal = Subgoal("go", "", "", box=Box(x0, y0, x0 + 0.3, y0 + 0.3))
        _, back = SPEC.read_request(SPEC.to_request(observation(), subgoal))
        np.testing.assert_array_equal(goal_vector(back), goal_vector(subgoal))


def test_metadata_says_it_all() -> None:
    metadata = decode(encode(SPEC.to_metadata()))
    assert metadata["inputs"]["observation.images.front"] == {"shape": [SIZE, SIZE, 3], "dtype": "uint8"}
    assert metadata["inputs"]["observation.state"] == {"shape": [2], "dtype": "float32"}
    assert PolicySpec.from_metadata(metadata) == SPEC
    lerobot = {"observation.images.front": (3, 4, 6), "observation.state": (2,)}
    assert PolicySpec.of("x", (lerobot, 2), 8).inputs["observation.images.front"] == (4, 6, 3)


@pytest.mark.parametrize("metadata", [None, [], "text", {}, {"inputs": 3}, {"inputs": {"x": {}}, "policy": "x"}])
def test_another_servers_metadata_are_told_apart(metadata: Any) -> None:
    with pytest.raises(ProtocolError, match="is it `vla serve`"):
        PolicySpec.from_metadata(metadata)


def test_goal_and_wording_of_the_text_are_free() -> None:
    _, without = SPEC.read_request(request(observation__goal=None))
    _, empty = SPEC.read_request(request(observation__goal=np.zeros(5, np.float32)))
    assert without.box is None
    assert empty.box is None
    _, subgoal = SPEC.read_request(request(task=None, prompt="press the button"))
    assert subgoal.text == "press the button"
    seen, _ = SPEC.read_request(request(observation__state=np.array([1, 2])))
    assert seen.state.dtype == np.float32


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"observation__state": None}, "observation.state missing; the policy takes observation.images.front, .*task"),
        ({"observation__images__wrist": None}, "observation.images.wrist missing"),
        ({"task": None}, r"task missing: the text of the subgoal \(or prompt\)"),
        ({"observation__images__top": np.zeros(3)}, "unknown key 'observation.images.top'. Valid: observation.images"),
        ({"observation__state": np.zeros(6)}, r"state must be a float32 array of shape \(2,\); got float64 .*\(6,\)"),
        ({"observation__state": np.array([1.0, np.nan])}, "state holds values that are not finite"),
        ({"observation__state": np.array([1.0, 1e300])}, "state holds values that are not finite"),
        ({"observation__state": [1.0, 2.0]}, "state must be .*; got list"),
        ({"observation__state": np.array([True, False])}, "got bool array"),
        (
            {"observation__images__front": np.zeros((SIZE, SIZE, 3), np.float32)},
            "front must be a uint8 array .* float32",
        ),
        ({"observation__images__front": np.zeros((3, SIZE, SIZE), np.uint8)}, r"got uint8 array of shape \(3, 8, 8\)"),
        ({"observation__goal": np.array([1, 0.5, 0.5, 0.4, 0.6])}, "goal: box"),
        ({"observation__goal": np.array([0.5, 0.1, 0.1, 0.4, 0.6])}, "first value is 0.5"),
        ({"task": 3}, "task must be text .*; got int"),
        ({"task": "x" * 3000}, "at most 2000 characters; got str of 3000"),
        ({"prompt": "something else"}, "task and prompt differ"),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ProtocolError, match=message):
        SPEC.read_request(request(**changes))


@pytest.mark.parametrize("message", [None, 3, "text", [1], np.zeros(3)])
def test_a_request_is_a_map(message: Any) -> None:
    with pytest.raises(ProtocolError, match=r"a request is a map with the keys observation\.images\.front"):
        SPEC.read_request(message)


def test_a_robot_that_does_not_fit_is_named() -> None:
    SPEC.check_robot(observation())
    seen = observation()
    with pytest.raises(CheckpointError, match=r"wants observation\.images\.wrist; the robot offers .*images\.front"):
        SPEC.check_robot(Observation({"front": seen.images["front"]}, seen.state, 0.0))
    with pytest.raises(CheckpointError, match=r"wants observation\.images\.wrist"):
        SPEC.to_request(Observation({"front": seen.images["front"]}, seen.state, 0.0), SUBGOAL)
    with pytest.raises(CheckpointError, match=r"of shape \(8, 8, 3\); it is \(4, 4, 3\)"):
        small = {name: frame[:4, :4] for name, frame in seen.images.items()}
        SPEC.check_robot(Observation(small, seen.state, 0.0))
    with pytest.raises(CheckpointError, match="moves 2 joints; the robot has 6"):
        blind = PolicySpec("blind", {}, 2, 4)
        blind.check_robot(Observation({}, np.zeros(6, np.float32), 0.0))
