"""One of Meta-World's environments: its physics, its success flag and its camera."""

from __future__ import annotations

import zlib
from typing import Any

import cv2
import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.metaworld import camera
from envs.metaworld.package import environment_class
from envs.metaworld.tasks import CONTROL_HZ, HORIZON
from envs.renderer import Renderer

STATE_DIM = 4
"""Numbers of the observation that the robot measures: hand x, y, z [m], and how far the gripper is open, 0 to 1."""

SCENES = 2
"""Version of how a seed tells a scene; figures of different versions are of different scenes."""


def scene_seed(task: str, seed: int) -> int:
    """Return what Meta-World's generator is seeded with for the scene ``seed`` of ``task``.

    Meta-World draws positions in the same way for every task: with the seed alone, scene 7 would have its things in the
    same place in all fifty tasks, and a hundred demonstrations of each would show a hundred places in all.
    """
    return int(np.random.SeedSequence([seed, zlib.crc32(task.encode())]).generate_state(1)[0])


class World:
    """A scene of a task.

    It is made anew for every episode, since resetting leaves things behind: then the seed alone decides.

    Args:
        task: name of the task, as Meta-World has it.
        seed: where objects and goal are.
        image_size: (height, width) of the frames [px].
        supersample: frames are drawn this much larger, and averaged down.
        shadows: cast shadows.
    """

    def __init__(self, task: str, seed: int, *, image_size: tuple[int, int], supersample: int, shadows: bool) -> None:
        self.task = task
        self._image_size, self._supersample, self._shadows = image_size, supersample, shadows
        self._renderer: Renderer | None = None
        self._env: Any = environment_class(task)(camera_name=camera.CAMERA)
        camera.place(self._env.model)
        self._env._partially_observable = False  # the experts, who alone see all of it, must know the goal
        del self._env.sawyer_observation_space  # which is clipped to, and was made for a hidden goal
        self._env._freeze_rand_vec, self._env.seeded_rand_vec = False, True
        self._env._set_task_called = True
        self._env.seed(scene_seed(task, seed))
        self.observation: NDArray[np.float64] = self._env.reset()[0]
        """What Meta-World's experts see (39,), objects and goal included."""
        mujoco.mj_kinematics(self._env.model, self._env.data)  # or the first frame shows goals where they were before
        self.steps = 0
        self.flag = False
        """Whether the success flag is set now."""
        self.first_success: int | None = None
        """Steps after which the flag was first set."""

    @property
    def data(self) -> mujoco.MjData:
        """State of the physics."""
        return self._env.data

    @property
    def state(self) -> NDArray[np.float32]:
        """What the robot measures (4,): hand x, y, z [m], opening of the gripper."""
        return self.observation[:STATE_DIM].astype(np.float32)

    @property
    def time(self) -> float:
        """Since the start of the episode [s]."""
        return self.steps / CONTROL_HZ

    def succeeded_within(self, steps: int = HORIZON) -> bool:
        """Whether the success flag was set after any of the first ``steps`` steps."""
        return self.first_success is not None and self.first_success <= steps

    def step(self, action: NDArray[np.floating]) -> None:
        """Simulate one control period with an action (4,), clipped to [-1, 1]."""
        clipped = np.clip(np.asarray(action, np.float32), -1.0, 1.0)
        self.observation, _, _, _, info = self._env.step(clipped)
        self.steps += 1
        self.flag = bool(info["success"])
        if self.flag and self.first_success is None:
            self.first_success = self.steps

    def render(self) -> NDArray[np.uint8]:
        """Draw the upright frame (H, W, 3)."""
        renderer = self.renderer
        renderer.update_scene(self.data, camera.CAMERA)
        frame = np.ascontiguousarray(camera.upright(renderer.render()))
        if self._supersample == 1:
            return frame
        height, width = self._image_size
        return cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)

    @property
    def renderer(self) -> Renderer:
        """The renderer, made when it is first asked for."""
        if self._renderer is None:
            height, width = (side * self._supersample for side in self._image_size)
            model = self._env.model
            model.vis.global_.offheight = max(height, model.vis.global_.offheight)
            model.vis.global_.offwidth = max(width, model.vis.global_.offwidth)
            if self._supersample > 1:
                model.vis.quality.offsamples = 0
            self._renderer = Renderer(model, height, width)
            self._renderer.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = self._shadows
        return self._renderer

    def close(self) -> None:
        """Free the rendering context."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
