from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from envs.metaworld.env import MetaworldEnv, register
from vla.errors import UnknownNameError

pytest.importorskip("metaworld", reason="the package metaworld is optional: see docs/benchmarks/metaworld.md")

IDS = register()
SMALL = {"image_size": (32, 32), "supersample": 1}


def test_an_id_for_each_task():
    assert len(IDS) == 50
    assert "vla/metaworld-reach-v3" in IDS


@pytest.mark.parametrize("env_id", ["vla/metaworld-reach-v3", "vla/metaworld-door-open-v3"])
@pytest.mark.filterwarnings("ignore:.*minimum value is -infinity|.*maximum value is infinity")
def test_gymnasium_accepts_it(env_id):
    env = gym.make(env_id, **SMALL)
    check_env(env.unwrapped, skip_render_check=True)
    env.close()


@pytest.mark.slow
@pytest.mark.parametrize("env_id", IDS)
def test_same_seed_same_rollout(env_id):
    def rollout(env):
        observation, info = env.reset(seed=7)
        env.action_space.seed(7)
        states, frames = [observation["agent_pos"]], [observation["pixels"]["corner2"]]
        for _ in range(4):
            observation, *_ = env.step(env.action_space.sample())
            states.append(observation["agent_pos"])
            frames.append(observation["pixels"]["corner2"])
        return info["instruction"], np.array(states), np.array(frames), env.unwrapped.simulation.world.observation

    env: Any = gym.make(env_id, **SMALL)
    first = rollout(env)
    env.reset(seed=8)
    assert not np.array_equal(env.unwrapped.simulation.world.observation, first[3])
    env.step(np.ones(4, np.float32))
    second = rollout(env)
    env.close()
    assert first[0] == second[0]
    for one, other in zip(first[1:], second[1:], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("task", ["reach-v3", "drawer-open-v3", "pick-place-v3"])
def test_agents_without_a_plan_neither_crash_nor_succeed(task):
    env = MetaworldEnv(task, image_size=(16, 16), supersample=1)
    env.action_space.seed(1)
    for agent in (lambda: np.zeros(4, np.float32), env.action_space.sample):
        env.reset(seed=1)
        for _ in range(10):
            observation, reward, terminated, truncated, info = env.step(agent())
            assert np.isfinite(observation["agent_pos"]).all()
            assert (reward, terminated, truncated, info["is_success"]) == (0.0, False, False, False)
    env.close()


def test_time_limit_is_the_protocols():
    assert gym.spec("vla/metaworld-reach-v3").max_episode_steps == 500


def test_unknown_task_is_named():
    with pytest.raises(UnknownNameError, match=r"'reach'.*Did you mean 'reach-v3'"):
        MetaworldEnv("reach")
