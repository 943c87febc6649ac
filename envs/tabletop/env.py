"""The tabletop tasks as Gymnasium environments, in lerobot's observation layout."""

from __future__ import annotations

from typing import Any, Literal

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from envs.tabletop.simulation import TabletopSimulation
from envs.tabletop.tasks import TASKS, VERSION
from envs.tabletop.units import JOINT_NAMES
from vla.errors import UnknownNameError

ACTION_LOW = np.array([-110.0, -100.0, -97.0, -95.0, -157.0, 0.0], np.float32)
ACTION_HIGH = np.array([110.0, 100.0, 97.0, 95.0, 163.0, 100.0], np.float32)
"""Joint ranges of the SO-101: degrees, gripper 0-100."""


class TabletopEnv(gym.Env):
    """One task of the tabletop suite.

    Observations are ``{"pixels": {camera: (H, W, 3) uint8}, "agent_pos": (6,) float32}``, actions are target joint
    positions (6,); both in lerobot units (degrees, gripper 0-100). The reward is 1 on the step at which the task
    succeeds, which terminates the episode. ``info`` carries ``is_success`` and ``instruction``.

    Args:
        task: name of a task.
        render_mode: ``rgb_array`` renders the front camera.
        wording: wordings that instructions are drawn from.
        **options: of :class:`TabletopSimulation`: ``control_hz``, ``image_size``, ``level``, ``shadows``.

    Raises:
        UnknownNameError: there is no such task.
        ControlRateError: the physics step does not divide the control period.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 30}  # noqa: RUF012

    def __init__(
        self,
        task: str = "pick",
        *,
        render_mode: str | None = None,
        wording: Literal["train", "test"] = "train",
        **options: Any,
    ) -> None:
        if task not in TASKS:
            raise UnknownNameError("task", task, TASKS)
        self.simulation = TabletopSimulation(**options)
        self.metadata = {**self.metadata, "render_fps": round(self.simulation.control_hz)}
        self.task = task
        self.render_mode = render_mode
        self._wording: Literal["train", "test"] = wording
        height, width = self.simulation.image_size
        frame = spaces.Box(0, 255, (height, width, 3), np.uint8)
        joints = spaces.Box(-np.inf, np.inf, (len(JOINT_NAMES),), np.float32)
        cameras: dict[str, spaces.Space] = dict.fromkeys(self.simulation.camera_names, frame)
        self.observation_space = spaces.Dict({"pixels": spaces.Dict(cameras), "agent_pos": joints})
        self.action_space = spaces.Box(ACTION_LOW, ACTION_HIGH, dtype=np.float32)

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
        """Simulate one control period; actions outside the joint ranges are clipped."""
        self.simulation.step(np.clip(action, ACTION_LOW, ACTION_HIGH))
        success = self.simulation.succeeded()
        return self._observation(), float(success), success, False, self._info(success)

    def render(self) -> NDArray[np.uint8] | None:
        """Return the front camera's frame (H, W, 3) if ``render_mode`` is ``rgb_array``."""
        if self.render_mode != "rgb_array":
            return None
        return self.simulation.world.render(self.simulation.camera_names[0])

    def close(self) -> None:
        """Free the rendering context."""
        self.simulation.close()

    def _observation(self) -> dict[str, Any]:
        observation = self.simulation.observe()
        return {"pixels": dict(observation.images), "agent_pos": observation.state}

    def _info(self, success: bool) -> dict[str, Any]:
        return {"is_success": success, "instruction": self.simulation.instruction}


def register() -> list[str]:
    """Register one id a task, ``vla/tabletop-<task>-v<version>``, and return the ids."""
    ids = []
    for name, task in TASKS.items():
        env_id = f"vla/tabletop-{name}-v{VERSION}"
        if env_id not in gym.registry:
            steps = round(task.info.max_seconds * 30)
            gym.register(env_id, "envs.tabletop.env:TabletopEnv", max_episode_steps=steps, kwargs={"task": name})
        ids.append(env_id)
    return ids
