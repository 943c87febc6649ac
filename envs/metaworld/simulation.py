"""The Meta-World suite's simulation; implements :class:`vla.types.Simulation`."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from envs.metaworld.camera import CAMERA
from envs.metaworld.expert import MetaworldExpert
from envs.metaworld.oracle import OraclePlanner
from envs.metaworld.package import prepare
from envs.metaworld.tasks import CONTROL_HZ, HORIZON, TASKS, VERSION, other_sentence
from envs.metaworld.world import SCENES, World
from vla.errors import ConfigError, UnknownNameError
from vla.types import Observation

SHORT_HORIZON = 400
"""Steps an episode by lerobot's default, reported beside Meta-World's own."""
ABLATIONS = ("none", "language", "image", "state")


class MetaworldSimulation:
    """A Sawyer arm whose hand moves by up to 1 cm along each axis a step.

    A task counts as accomplished once Meta-World's success flag has been set after any step.

    Args:
        image_size: (height, width) of the frames, which are square in lerobot's datasets [px].
        supersample: frames are drawn this much larger and averaged down; 1 leaves edges to multisampling.
        shadows: cast shadows as lerobot does; ten times slower in software rendering.
        run_on: go on after success, to see whether the flag is still set at the end.
        ablation: what to take from the policy, to see whether it matters: ``language`` tells it another task's
            sentence, ``image`` blanks frames, ``state`` zeroes proprioception; ``none``.

    Raises:
        ConfigError: Meta-World is not installed, or an option makes no sense.
        UnknownNameError: there is no such ablation.
    """

    suite = "metaworld_mt50"
    robot_type = "sawyer"
    version = f"{VERSION}, scenes {SCENES}"
    control_hz = CONTROL_HZ
    camera_names: tuple[str, ...] = (CAMERA,)
    joint_names: tuple[str, ...] = ("hand_x", "hand_y", "hand_z", "gripper")

    def __init__(
        self,
        *,
        image_size: tuple[int, int] = (240, 240),
        supersample: int = 2,
        shadows: bool = False,
        run_on: bool = False,
        ablation: str = "none",
    ) -> None:
        prepare()
        if ablation not in ABLATIONS:
            raise UnknownNameError("ablation", ablation, ABLATIONS)
        if not isinstance(supersample, int) or supersample < 1:
            raise ConfigError(f"env.supersample={supersample} must be a whole number, at least 1")
        self.image_size = (int(image_size[0]), int(image_size[1]))
        self._supersample, self._shadows, self._run_on, self._ablation = supersample, shadows, run_on, ablation
        self._world: World | None = None
        self.task = ""
        self.instruction = ""
        self.seed = 0

    @property
    def world(self) -> World:
        """Physics and true state of the current scene."""
        if self._world is None:
            raise RuntimeError("reset() has not been called")
        return self._world

    def reset(self, task: str, seed: int, *, wording: Literal["train", "test"] = "train") -> None:
        """Draw the scene of ``seed`` for ``task``; every task has one wording.

        Raises:
            UnknownNameError: ``task`` is not one of the suite's.
        """
        if task not in TASKS:
            raise UnknownNameError("task", task, TASKS)
        self.close()
        self._world = World(
            task, seed, image_size=self.image_size, supersample=self._supersample, shadows=self._shadows
        )
        self.task, self.seed, self.instruction = task, seed, TASKS[task].description

    def observe(self, *, images: bool = True) -> Observation:
        """Read the hand's position and the gripper and, if asked, render the frame."""
        world = self.world
        frames = {CAMERA: world.render()} if images else {}
        state = world.state
        if self._ablation == "image":
            frames = {name: np.zeros_like(frame) for name, frame in frames.items()}
        if self._ablation == "state":
            state = np.zeros_like(state)
        return Observation(frames, state, world.time)

    def step(self, action: NDArray[np.float32]) -> None:
        """Simulate one control period: move the hand along x, y, z, and close (1) or open (-1) the gripper."""
        self.world.step(action)

    def succeeded(self) -> bool:
        """Whether the success flag has been set after any step so far."""
        return self.world.first_success is not None

    def failure_reason(self) -> str:
        """Return a phrase, or nothing after success."""
        return "" if self.succeeded() else "success flag never set"

    def measures(self) -> dict[str, bool]:
        """Return the other ways in which success is counted; the one at the end only where episodes ``run_on``."""
        short = {f"within_{SHORT_HORIZON}_steps": self.world.succeeded_within(SHORT_HORIZON)}
        return short | ({"at_the_last_step": self.world.flag} if self._run_on else {})

    def oracle(self) -> OraclePlanner:
        """Return the planner that says the task's sentence until success."""
        shuffled = self._ablation == "language"
        text = other_sentence(self.task, self.seed) if shuffled else self.instruction
        return OraclePlanner(self, text, 2 * HORIZON / CONTROL_HZ, run_on=self._run_on)

    def expert(self, *, perturb: float = 0.0) -> MetaworldExpert:
        """Return the scripted demonstrator.

        Args:
            perturb: how many gusts carry the hand off; 0 for none.
        """
        return MetaworldExpert(self.world, np.random.default_rng([self.seed, 7]), perturb=perturb)

    def close(self) -> None:
        """Free the rendering context."""
        if self._world is not None:
            self._world.close()
