from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lerobot.policies.factory import get_policy_class, make_pre_post_processors

from tests.helpers.checkpoints import SMALL_ACT, save_checkpoint
from vla.errors import CheckpointError
from vla.runtime.checkpoint import find_checkpoint
from vla.runtime.lerobot_policy import LerobotPolicy, load_policy
from vla.types import Box, Observation, Subgoal

SUBGOAL = Subgoal("press the button", "press", "button", box=Box(0.1, 0.2, 0.3, 0.4))


@pytest.fixture(scope="module")
def act(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "checkpoints" / "last" / "pretrained_model"
    return save_checkpoint(folder, "act", chunk_size=8, n_action_steps=4, latent_dim=4, **SMALL_ACT)


def observation(seed: int = 0, size: int = 64, time: float = 0.0) -> Observation:
    random = np.random.default_rng(seed)
    frame = random.integers(0, 256, (size, size, 3), np.uint8)
    return Observation({"front": frame, "wrist": frame}, np.array([11.0, -10.0], np.float32), time)


def test_chunk_is_unnormalised_float32_and_starts_now(act: Path) -> None:
    policy = load_policy(str(act), device="cpu", threads=1)
    policy.reset()
    chunk = policy.predict_chunk(observation(time=1.5), SUBGOAL)
    assert chunk.actions.shape == (8, 2)
    assert chunk.actions.dtype == np.float32
    assert chunk.start_time == 1.5
    assert policy.n_action_steps == 4


def test_chunk_equals_what_lerobot_selects_action_by_action(act: Path) -> None:
    from lerobot.policies.utils import prepare_observation_for_inference

    policy = load_policy(str(act), device="cpu", threads=1)
    seen = observation()
    columns = {"observation.images.front": seen.images["front"].copy(), "observation.state": seen.state.copy()}
    model = get_policy_class("act").from_pretrained(act)
    before, after = make_pre_post_processors(model.config, str(act))
    batch = before(prepare_observation_for_inference(columns, torch.device("cpu"), SUBGOAL.text))
    expected = torch.cat([after(model.select_action(batch)) for _ in range(4)]).numpy()
    np.testing.assert_allclose(policy.predict_chunk(seen, SUBGOAL).actions[:4], expected, rtol=1e-5)


def test_chunk_depends_on_the_observation_alone(act: Path) -> None:
    policy = load_policy(str(act), device="cpu", threads=1)
    first = policy.predict_chunk(observation(0), SUBGOAL).actions
    assert not np.array_equal(policy.predict_chunk(observation(1), SUBGOAL).actions, first)
    np.testing.assert_array_equal(policy.predict_chunk(observation(0), SUBGOAL).actions, first)


def test_several_observations_at_once_give_what_each_gives_alone(act: Path) -> None:
    policy = load_policy(str(act), device="cpu", threads=1)
    texts = ["press the button", "put the red cube in the bowl", "go"]
    requests = [(observation(seed, time=seed), Subgoal(text, "", "")) for seed, text in enumerate(texts)]
    together = policy.predict_chunks(requests)
    for request, chunk in zip(requests, together, strict=True):
        alone = policy.predict_chunk(*request)
        assert chunk.start_time == alone.start_time
        np.testing.assert_allclose(chunk.actions, alone.actions, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_the_released_policy_gives_the_same_chunks_at_once_as_one_by_one() -> None:
    policy = load_policy("checkpoints/tabletop", device="cpu", threads=1)
    random = np.random.default_rng(0)
    requests = []
    for index, text in enumerate(["press the button", "pick up the red cube", "place it in the bowl"]):
        frames = {name: random.integers(0, 256, (128, 128, 3), np.uint8) for name in ("front", "wrist")}
        box = Box(0.2, 0.2, 0.3, 0.3) if index else None
        seen = Observation(frames, random.normal(0, 20, 6).astype(np.float32), 0.0)
        requests.append((seen, Subgoal(text, "", "", box=box)))
    for request, chunk in zip(requests, policy.predict_chunks(requests), strict=True):
        np.testing.assert_allclose(chunk.actions, policy.predict_chunk(*request).actions, atol=1e-2)


def test_a_training_runs_folder_is_as_good_as_the_checkpoint_in_it(act: Path) -> None:
    assert find_checkpoint(str(act.parents[2])) == act
    assert find_checkpoint(str(act.parent)) == act
    assert find_checkpoint(str(act)) == act


def test_n_action_steps_can_be_set_within_the_chunk(act: Path) -> None:
    assert load_policy(str(act), device="cpu", n_action_steps=8).n_action_steps == 8
    with pytest.raises(CheckpointError, match=r"n_action_steps=9.*1 to 8"):
        load_policy(str(act), device="cpu", n_action_steps=9)


def test_the_goal_is_given_only_to_a_policy_that_wants_it(act: Path) -> None:
    seen: list[dict[str, Any]] = []

    def watch(policy: LerobotPolicy) -> None:
        model = policy._model
        original = model.predict_action_chunk
        model.predict_action_chunk = lambda batch: seen.append(batch) or original(batch)  # type: ignore[assignment]

    policy = load_policy(str(act), device="cpu")
    watch(policy)
    policy.predict_chunk(observation(), SUBGOAL)
    policy._interface.inputs["observation.goal"] = (5,)
    policy.predict_chunk(observation(), SUBGOAL)
    assert "observation.goal" not in seen[0]
    np.testing.assert_allclose(seen[1]["observation.goal"], [[1, 0.1, 0.2, 0.3, 0.4]], rtol=1e-6)
    assert seen[0]["task"] == [SUBGOAL.text]
    assert seen[0]["observation.images.front"].shape == (1, 3, 64, 64)
    assert 0 <= float(seen[0]["observation.images.front"].min()) < float(seen[0]["observation.images.front"].max()) <= 1
    torch.testing.assert_close(seen[0]["observation.state"], torch.tensor([[0.5, 2.0]]), rtol=1e-4, atol=1e-4)


def test_a_robot_that_does_not_fit_is_named(act: Path) -> None:
    policy = load_policy(str(act), device="cpu")
    blind = Observation({"wrist": observation().images["wrist"]}, observation().state, 0.0)
    with pytest.raises(CheckpointError, match=r"wants observation\.images\.front; the robot offers .*images\.wrist"):
        policy.predict_chunk(blind, SUBGOAL)
    with pytest.raises(CheckpointError, match=r"images\.front of shape \(3, 64, 64\); the robot's is \(3, 96, 96\)"):
        policy.predict_chunk(observation(size=96), SUBGOAL)
    six = Observation(observation().images, np.zeros(6, np.float32), 0.0)
    with pytest.raises(CheckpointError, match=r"state of shape \(2,\); the robot's is \(6,\)"):
        policy.predict_chunk(six, SUBGOAL)


def test_missing_checkpoints_are_named(tmp_path: Path, act: Path) -> None:
    with pytest.raises(CheckpointError, match="no such checkpoint folder: /nowhere/at/all"):
        load_policy("/nowhere/at/all")
    with pytest.raises(CheckpointError, match="no such checkpoint folder: tests/absent"):
        load_policy("tests/absent")
    with pytest.raises(CheckpointError, match=r"there is no config\.json"):
        load_policy(str(tmp_path))
    for name in ("config.json", "model.safetensors", "policy_preprocessor.json"):
        (tmp_path / name).write_bytes((act / name).read_bytes())
    with pytest.raises(CheckpointError, match=r"lacks policy_postprocessor\.json"):
        load_policy(str(tmp_path))


def test_an_unknown_policy_type_is_named(tmp_path: Path, act: Path) -> None:
    for file in act.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = (tmp_path / "config.json").read_text()
    (tmp_path / "config.json").write_text(config.replace('"type": "act"', '"type": "telepathy"'))
    with pytest.raises(CheckpointError, match="telepathy"):
        load_policy(str(tmp_path))


@pytest.mark.slow
def test_a_policy_with_a_past_runs_too(tmp_path: Path) -> None:
    small = {"gpt_input_dim": 32, "gpt_output_dim": 32, "gpt_hidden_dim": 32, "gpt_n_layer": 1, "gpt_n_head": 2}
    folder = save_checkpoint(tmp_path / "p", "vqbet", n_obs_steps=3, action_chunk_size=4, crop_shape=(60, 60), **small)
    policy = load_policy(str(folder), device="cpu", threads=1)
    chunk = policy.predict_chunk(observation(), SUBGOAL)
    assert chunk.actions.shape == (4, 2)
    with pytest.raises(CheckpointError, match="1 to 4"):
        load_policy(str(folder), device="cpu", n_action_steps=5)
