"""A simulated suite as Gymnasium environments, in lerobot's observation layout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from vla.errors import UnknownNameError
from vla.types import Simulation


class RenderedSimulation(Simulation, Protocol):
    """A simulation with cameras of one size."""

    image_size: tuple[int, int]
    """Height and width of the frames [px]."""


class SimulationEnv(gym.Env):
    """One task of a suite.

    Observations are ``{"pixels": {camera: (H, W, 3) uint8}, "agent_pos": (n,) float32}``, n the simulation's joints.
    The reward is 1 on the step at which the task succeeds, which terminates the episode. ``info`` carries
    ``is_success`` and ``instruction``.

    Args:
        simulation: of the suite.
        task: name of a task.
        tasks: the suite's tasks.
        action_space: limits of actions; what is outside is clipped.
        wording: wordings that instructions are drawn from.
        render_mode: ``rgb_array`` renders the first camera.

    Raises:
        UnknownNameError: there is no such task.
    """

    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012

    def __init__(
        self,
        simulation: RenderedSimulation,
        task: str,
        tasks: Mapping[str, object],
        action_space: spaces.Box,
        *,
        wording: Literal["train", "test"] = "train",
        render_mode: str | None = None,
    ) -> None:
        if task not in tasks:
            raise UnknownNameError("task", task, tasks)
        self.simulation = simulation
        self.metadata = {**self.metadata, "render_fps": round(simulation.control_hz)}
        self.task = task
        self.render_mode = render_mode
        self._wording: Literal["train", "test"] = wording
        frame = spaces.Box(0, 255, (*simulation.image_size, 3), np.uint8)
        state = spaces.Box(-np.inf, np.inf, (len(simulation.joint_names),), np.float32)
        cameras: dict[str, spaces.Space] = dict.fromkeys(simulation.camera_names, frame)
        self.observation_space = spaces.Dict({"pixels": spaces.Dict(cameras), "agent_pos": state})
        self.action_space = self._limits = action_space

    @property
    def task_description(self) -> str:
        """The current instruction; lerobot passes it on to policies."""
        return self.simulation.instruction

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Draw a scene; without ``seed`` the next one of this environment's own sequence."""
        super().reset(seed=seed)
        scene_seed = int(self.np_random.integers(2**31)) if seed is None else seed
        self.simulation.reset(self.task, scene_seed, wording=self._wording)
        return self._observation(), self._info(False)

    def step(self, action: NDArray[np.float32]) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Simulate one control period."""
        self.simulation.step(np.clip(action, self._limits.low, self._limits.high))
        success = self.simulation.succeeded()
        return self._observation(), float(success), success, False, self._info(success)

    def render(self) -> NDArray[np.uint8] | None:
        """Return the first camera's frame (H, W, 3) if ``render_mode`` is ``rgb_array``."""
        if self.render_mode != "rgb_array":
            return None
        return self.simulation.observe().images[self.simulation.camera_names[0]]

    def close(self) -> None:
        """Free the rendering context."""
        self.simulation.close()

    def _observation(self) -> dict[str, Any]:
        observation = self.simulation.observe()
        return {"pixels": dict(observation.images), "agent_pos": observation.state}

    def _info(self, success: bool) -> dict[str, Any]:
        return {"is_success": success, "instruction": self.simulation.instruction}


def register_tasks(entry_point: str, steps: Mapping[str, tuple[str, int]]) -> list[str]:
    """Register environments with Gymnasium, unless they are; return their ids.

    Args:
        entry_point: ``module:class`` of a :class:`SimulationEnv`.
        steps: id -> its task and the most steps of an episode.
    """
    for env_id, (task, limit) in steps.items():
        if env_id not in gym.registry:
            gym.register(env_id, entry_point, max_episode_steps=limit, kwargs={"task": task})
    return list(steps)
