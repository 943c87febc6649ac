"""The Meta-World tasks as Gymnasium environments, in the observation layout of our other suites."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from envs.metaworld.camera import CAMERA
from envs.metaworld.simulation import MetaworldSimulation
from envs.metaworld.tasks import CONTROL_HZ, HORIZON, TASKS
from envs.metaworld.world import STATE_DIM
from vla.errors import UnknownNameError


class MetaworldEnv(gym.Env):
    """One task.

    Observations are ``{"pixels": {"corner2": (H, W, 3) uint8}, "agent_pos": (4,) float32}``: hand x, y, z [m] and
    opening of the gripper. Actions (4,) within [-1, 1] move the hand by up to 1 cm along x, y, z, and close or open the
    gripper. The reward is 1 on the step at which the success flag is set, which terminates the episode.

    Args:
        task: name of a task.
        render_mode: ``rgb_array`` renders the camera.
        **options: of :class:`MetaworldSimulation`.

    Raises:
        UnknownNameError: there is no such task.
        ConfigError: Meta-World is not installed.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": round(CONTROL_HZ)}  # noqa: RUF012

    def __init__(self, task: str = "reach-v3", *, render_mode: str | None = None, **options: Any) -> None:
        if task not in TASKS:
            raise UnknownNameError("task", task, TASKS)
        self.simulation = MetaworldSimulation(**options)
        self.task = task
        self.render_mode = render_mode
        frame = spaces.Box(0, 255, (*self.simulation.image_size, 3), np.uint8)
        state = spaces.Box(-np.inf, np.inf, (STATE_DIM,), np.float32)
        self.observation_space = spaces.Dict({"pixels": spaces.Dict({CAMERA: frame}), "agent_pos": state})
        self.action_space = spaces.Box(-1.0, 1.0, (4,), np.float32)

    @property
    def task_description(self) -> str:
        """The task's sentence; lerobot passes it on to policies."""
        return TASKS[self.task].description

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Draw a scene; without ``seed`` the next one of this environment's own sequence."""
        super().reset(seed=seed)
        scene_seed = int(self.np_random.integers(2**31)) if seed is None else seed
        self.simulation.reset(self.task, scene_seed)
        return self._observation(), self._info(False)

    def step(self, action: NDArray[np.float32]) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Simulate one control period."""
        self.simulation.step(action)
        success = self.simulation.world.flag
        return self._observation(), float(success), success, False, self._info(success)

    def render(self) -> NDArray[np.uint8] | None:
        """Return the camera's frame (H, W, 3) if ``render_mode`` is ``rgb_array``."""
        return self.simulation.world.render() if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Free the rendering context."""
        self.simulation.close()

    def _observation(self) -> dict[str, Any]:
        observation = self.simulation.observe()
        return {"pixels": dict(observation.images), "agent_pos": observation.state}

    def _info(self, success: bool) -> dict[str, Any]:
        return {"is_success": success, "instruction": self.simulation.instruction}


def register() -> list[str]:
    """Register one id a task, ``vla/metaworld-<task>``, e.g. ``vla/metaworld-reach-v3``, and return the ids."""
    ids = []
    for name in TASKS:
        env_id = f"vla/metaworld-{name}"
        if env_id not in gym.registry:
            gym.register(env_id, "envs.metaworld.env:MetaworldEnv", max_episode_steps=HORIZON, kwargs={"task": name})
        ids.append(env_id)
    return ids
