"""A policy with a crop at the hand, in lerobot's own environment and in ours."""

from typing import Any

import numpy as np
import pytest
import torch
from lerobot.configs import FeatureType, PolicyFeature
from omegaconf import OmegaConf

from envs.metaworld.camera import CAMERA
from envs.metaworld.package import prepare
from envs.metaworld.simulation import MetaworldSimulation
from policies.late_fusion.configuration_late_fusion import LateFusionConfig
from policies.late_fusion.modeling_late_fusion import LateFusionPolicy
from tests.policies.helpers import write_motion
from vla.data.features import ACTION, STATE, image_key

pytest.importorskip("metaworld", reason="the package metaworld is optional: see docs/benchmarks/metaworld.md")


@pytest.fixture
def policy(tmp_path):
    fields: Any = OmegaConf.to_container(OmegaConf.load("configs/experiment/metaworld.yaml").policy)
    config = LateFusionConfig(
        device="cpu",
        input_features={
            image_key(CAMERA): PolicyFeature(FeatureType.VISUAL, (3, 240, 240)),
            STATE: PolicyFeature(FeatureType.STATE, (4,)),
        },
        output_features={ACTION: PolicyFeature(FeatureType.ACTION, (4,))},
        vision_width=8,
        hidden_dim=32,
        head_blocks=1,
        **fields,
    )
    torch.manual_seed(0)
    policy = LateFusionPolicy(config)
    policy.fit(write_motion(tmp_path, columns=4))
    return policy.eval()


@pytest.mark.slow
def test_lerobots_observations_need_one_key_renamed(policy):
    from lerobot.envs.metaworld import MetaworldEnv
    from lerobot.envs.utils import preprocess_observation

    prepare()
    env = MetaworldEnv("reach-v3", obs_type="pixels_agent_pos")
    seen, _ = env.reset(seed=0)
    batch = preprocess_observation({"pixels": seen["pixels"][None], "agent_pos": seen["agent_pos"][None]})
    assert batch["observation.image"].shape == (1, 3, 480, 480)
    batch = {image_key(CAMERA): batch["observation.image"], STATE: batch[STATE], "task": [env.task_description]}
    action = policy.select_action(batch)
    assert action.shape == (1, 4)
    assert env.action_space.contains(np.clip(action[0].numpy(), -1, 1))
    env.close()


def test_the_crop_shows_the_fingers(policy):
    simulation = MetaworldSimulation()
    simulation.reset("reach-v3", 0)
    observation = simulation.observe()
    simulation.close()
    frame = torch.from_numpy(observation.images[CAMERA]).permute(2, 0, 1)[None]
    state = torch.from_numpy(observation.state)[None]
    views, _, center = policy.network._views({image_key(CAMERA): frame}, torch.zeros(1, 5), state)
    crop = views["goal_crop"][0]
    assert crop.shape == (3, 64, 64)
    assert views["corner2"].shape == (1, 3, 96, 96)
    red, green, blue = crop[:, 22:42, 22:42]  # a finger is white, the other one cyan, the hand red
    assert ((red < -0.5) & (green > 0.3) & (blue > 0.3)).any()
    assert ((red > 0.3) & (green > 0.3) & (blue > 0.3)).any()
    assert center is not None
    assert 0 < center.min() < center.max() < 1
