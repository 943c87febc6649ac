"""The tabletop suite's simulation: a scene with an instruction, its success test, oracle and expert."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from envs.tabletop.ablation import ABLATIONS, something_else
from envs.tabletop.arm import HAND_SITE, arm_spec, joint_ranges
from envs.tabletop.experts import TabletopExpert
from envs.tabletop.oracle import OraclePlanner, achieved, outcomes
from envs.tabletop.scene import Scene
from envs.tabletop.tasks import VERSION, assign, draw_free_scene
from envs.tabletop.units import JOINT_NAMES, to_radians
from envs.tabletop.world import CAMERAS, READY_POSE, World, substeps
from vla.errors import InstructionError, UnknownNameError, VlaError
from vla.language import CONTAINERS, Step, expand, parse
from vla.types import ArmDescription, Observation, Subgoal

if TYPE_CHECKING:
    from vla.vlm.examples import View

FREE = "free"
"""Name of the task of a scene that was drawn for a user's own instruction."""


class TabletopSimulation:
    """An SO-101 at a table; implements :class:`vla.types.Simulation`.

    Args:
        control_hz: control rate; the physics rate of 240 Hz must be a multiple [Hz].
        image_size: (height, width) of the frames [px].
        level: level of detail of the arm's meshes: low, medium, high or full.
        shadows: cast shadows; slow in software rendering.
        ablation: ``language`` gives another instruction than the one that success is about, to see whether words
            matter; ``none``.

    Raises:
        ControlRateError: the physics step does not divide the control period.
        UnknownNameError: there is no such ablation.
    """

    suite = "tabletop"
    robot_type = "so101_follower"
    version = VERSION
    joint_names: tuple[str, ...] = JOINT_NAMES
    camera_names: tuple[str, ...] = CAMERAS

    def __init__(
        self,
        *,
        control_hz: float = 30.0,
        image_size: tuple[int, int] = (128, 128),
        level: str = "medium",
        shadows: bool = False,
        ablation: str = "none",
    ) -> None:
        if ablation not in ABLATIONS:
            raise UnknownNameError("ablation", ablation, ABLATIONS)
        substeps(control_hz)  # reject a control rate that the physics cannot keep before anything is drawn
        self.control_hz = control_hz
        self.image_size = (int(image_size[0]), int(image_size[1]))
        self._level, self._shadows, self._ablation = level, shadows, ablation
        self._world: World | None = None
        self.task = ""
        self.instruction = ""
        self.seed = 0
        self.steps: tuple[Step, ...] = ()
        """What success is about."""
        self._told: tuple[Step, ...] = ()
        self._stays: tuple[str, ...] = ()

    @property
    def world(self) -> World:
        """Physics and true state of the current scene."""
        if self._world is None:
            raise RuntimeError("reset() has not been called")
        return self._world

    def reset(self, task: str, seed: int, *, wording: Literal["train", "test"] = "train") -> None:
        """Draw the scene of ``seed`` for ``task``, and the instruction in one of its wordings.

        Raises:
            UnknownNameError: ``task`` is not one of the suite's.
        """
        assignment = assign(task, seed, wording)
        told = something_else(assignment, seed, wording) if self._ablation == "language" else assignment
        self.start(assignment.scene, task, seed, told.instruction, told.steps)
        self.steps, self._stays = assignment.steps, assignment.stays

    def reset_for_instruction(self, instruction: str, seed: int | None = None, *, tries: int = 500) -> None:
        """Draw a scene that belongs to no task, and take a user's own words as the instruction.

        Args:
            instruction: what to do.
            seed: which scene; None takes the first one in which everything mentioned is there.
            tries: how many scenes to look at when ``seed`` is None.

        Raises:
            InstructionError: the instruction cannot be understood, or mentions what is not on the table.
        """
        clauses = parse(instruction)
        error: VlaError | None = None
        for candidate in range(tries) if seed is None else (seed,):
            scene = draw_free_scene(candidate)
            try:
                steps = expand(clauses, scene.phrases)
            except VlaError as problem:
                error = error or problem
                continue
            self.start(scene, FREE, candidate, instruction, steps)
            return
        assert error is not None
        raise error

    def reset_for_words(self, instruction: str, seed: int | None = None) -> None:
        """Like `reset_for_instruction`, for a planner that understands more than the simulation does.

        Words that the simulation does not understand stay as they are, in the scene of ``seed`` or the first one. It
        cannot tell then whether they have been carried out; see `judges`.
        """
        try:
            self.reset_for_instruction(instruction, seed)
        except InstructionError:
            self.draw(seed or 0)
            self.instruction = instruction

    def draw(self, seed: int) -> None:
        """Draw the scene of ``seed``, which belongs to no task; nothing is asked for until `aim`."""
        self.start(draw_free_scene(seed), FREE, seed)

    def aim(self, instruction: str) -> None:
        """Take a user's own words as the instruction, in the scene as it is now.

        Raises:
            InstructionError: it cannot be understood, or mentions what is not on the table; nothing changes then.
        """
        self.steps = self._told = expand(parse(instruction), self.world.scene.phrases)
        self._stays = ()
        self.instruction = instruction
        self.world.begin_task()

    def start(self, scene: Scene, task: str, seed: int, instruction: str = "", steps: tuple[Step, ...] = ()) -> None:
        """Set the table as ``scene`` says, for a task that is the caller's business."""
        self.close()
        self._world = World(
            scene,
            control_hz=self.control_hz,
            image_size=self.image_size,
            level=self._level,
            shadows=self._shadows,
        )
        self.task, self.seed, self.instruction = task, seed, instruction
        self.steps = self._told = steps
        self._stays = ()

    def observe(self, *, images: bool = True) -> Observation:
        """Read the joints and, if asked, render both cameras."""
        frames = {camera: self.world.render(camera) for camera in CAMERAS} if images else {}
        return Observation(frames, self.world.joint_positions(), self.world.time)

    def step(self, action: NDArray[np.float32]) -> None:
        """Simulate one control period with target joint positions (6,), lerobot units."""
        self.world.step(action)

    def describe_arm(self) -> ArmDescription:
        """Describe the arm for a safety filter, its hulls at the lowest level of detail."""
        low, high = joint_ranges()
        return ArmDescription(lambda: arm_spec("low"), JOINT_NAMES, HAND_SITE, to_radians, low, high, READY_POSE)

    @property
    def judges(self) -> bool:
        """Whether it is known what the instruction asks for, so that `succeeded` says something."""
        return bool(self.steps)

    def succeeded(self) -> bool:
        """Whether everything the instruction asks for holds now."""
        return not self.unmet() and not self._misplaced()

    def unmet(self) -> tuple[Step, ...]:
        """Return the steps whose outcome does not hold now."""
        return tuple(step for step in outcomes(self.steps) if not achieved(self.world, step))

    def _misplaced(self) -> bool:
        """Whether something that must stay is in or on a container."""
        containers = [phrase for phrase in self.world.scene.phrases if phrase in CONTAINERS]
        return any(self.world.inside(thing, container) for thing in self._stays for container in containers)

    def achieved(self, subgoal: Subgoal) -> bool | None:
        """Whether what a subgoal asks for holds now; None for one that makes no sense in this scene."""
        step = Step(subgoal.skill, subgoal.object, subgoal.place)
        try:
            return achieved(self.world, step)
        except (KeyError, ValueError):
            return None

    def failure_reason(self) -> str:
        """Return the first outcome that is missing, or an empty string."""
        unmet = self.unmet()
        if unmet:
            return f"not achieved: {unmet[0].skill}"
        return "moved what was to stay" if self._misplaced() else ""

    def oracle(self) -> OraclePlanner:
        """Return the planner that reads this simulation's state."""
        return OraclePlanner(self.world, self._told)

    def expert(self, *, perturb: float = 0.0) -> TabletopExpert:
        """Return the scripted demonstrator.

        Args:
            perturb: strength of noise, misses and dropped objects in what it executes; 0 for none.
        """
        return TabletopExpert(self.world, np.random.default_rng([self.seed, 7]), perturb=perturb)

    def views(
        self, seed: int, split: Literal["train", "test"], count: int, *, perturb: float = 1.0
    ) -> tuple[View, ...]:
        """Return what is seen at some moments of the episode of ``seed``, with questions and answers.

        Args:
            seed: of scene, instruction, moments and questions.
            split: ``test`` has wordings and combinations of its own, see ``envs.tabletop.questions``.
            count: how many moments.
            perturb: strength of the expert's errors; 0 for none.
        """
        from envs.tabletop.questions import make_views  # which needs the vision-language model's packages

        return make_views(self, seed, split, count, perturb=perturb)

    def close(self) -> None:
        """Free the rendering context."""
        if self._world is not None:
            self._world.close()
