import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from envs.tabletop.env import TabletopEnv, register
from envs.tabletop.world import READY_POSE
from vla.errors import ControlRateError, UnknownNameError

IDS = register()
SMALL = {"image_size": (32, 32), "level": "low"}


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.filterwarnings("ignore:.*minimum value is -infinity|.*maximum value is infinity")
def test_gymnasium_accepts_it(env_id):
    env = gym.make(env_id, **SMALL)
    check_env(env.unwrapped, skip_render_check=True)
    env.close()


@pytest.mark.parametrize("env_id", IDS)
def test_same_seed_same_rollout(env_id):
    def rollout():
        env = gym.make(env_id, **SMALL)
        observation, info = env.reset(seed=7)
        env.action_space.seed(7)
        states, frames = [observation["agent_pos"]], [observation["pixels"]["front"]]
        for _ in range(4):
            observation, *_ = env.step(env.action_space.sample())
            states.append(observation["agent_pos"])
            frames.append(observation["pixels"]["front"])
        env.close()
        return info["instruction"], np.array(states), np.array(frames)

    first, second = rollout(), rollout()
    assert first[0] == second[0]
    np.testing.assert_array_equal(first[1], second[1])
    np.testing.assert_array_equal(first[2], second[2])


@pytest.mark.parametrize("task", ["pick", "press", "sort"])
@pytest.mark.parametrize("agent", ["zero", "random", "still"])
def test_agents_without_a_plan_neither_crash_nor_succeed(task, agent):
    env = TabletopEnv(task, **SMALL)
    env.reset(seed=1)
    env.action_space.seed(1)
    actions = {
        "zero": lambda: np.zeros(6, np.float32),
        "random": env.action_space.sample,
        "still": lambda: READY_POSE.astype(np.float32),
    }
    for _ in range(60):
        observation, reward, terminated, truncated, info = env.step(actions[agent]())
        assert np.isfinite(observation["agent_pos"]).all()
        assert (reward, terminated, truncated, info["is_success"]) == (0.0, False, False, False)
    env.close()


def test_vectorises():
    envs = gym.make_vec(IDS[0], num_envs=2, vectorization_mode="sync", **SMALL)
    observation, _ = envs.reset(seed=0)
    assert observation["pixels"]["wrist"].shape == (2, 32, 32, 3)
    observation, reward, *_ = envs.step(envs.action_space.sample())
    assert reward.shape == (2,)
    envs.close()


def test_time_limit_truncates():
    env = gym.make(IDS[0], max_episode_steps=3, **SMALL)
    env.reset(seed=0)
    steps = [env.step(READY_POSE.astype(np.float32))[3] for _ in range(3)]
    assert steps == [False, False, True]
    env.close()


def test_render_returns_the_front_frame():
    env = TabletopEnv("press", render_mode="rgb_array", **SMALL)
    observation, _ = env.reset(seed=0)
    np.testing.assert_array_equal(env.render(), observation["pixels"]["front"])
    env.close()


def test_bad_arguments():
    with pytest.raises(UnknownNameError, match="'juggle'"):
        TabletopEnv("juggle")
    with pytest.raises(ControlRateError):
        TabletopEnv("pick", control_hz=50.0)
