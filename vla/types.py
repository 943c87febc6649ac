"""The data contract: what planners, policies, experts, robots and simulations exchange.

Shapes: ``n`` is the number of joints of the embodiment (SO-101: 6), ``T`` the length of an action chunk.
Joint quantities are in the arm's own lerobot units (SO-101: degrees, gripper 0-100).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

GOAL_DIM = 5


@dataclass(frozen=True)
class Observation:
    """What the robot senses at one control tick. Never holds state that only a simulator knows."""

    images: Mapping[str, NDArray[np.uint8]]
    """Camera name -> RGB frame (H, W, 3). Empty when no frame was asked for."""
    state: NDArray[np.float32]
    """Proprioception (n,), robot-measured, lerobot units."""
    time: float
    """Time since the start of the episode [s]."""
    frame_age: float = 0.0
    """How long before ``time`` the frames were taken [s]."""
    frame_state: NDArray[np.float32] | None = None
    """Proprioception when the frames were taken (n,); None where that is ``state``."""

    def at_frames(self) -> Observation:
        """Return the observation of the moment that the frames show."""
        state = self.state if self.frame_state is None else self.frame_state
        return Observation(self.images, state, self.time - self.frame_age)


@dataclass(frozen=True)
class Box:
    """An axis-aligned box in a named camera, normalised to the frame: 0 <= x0 < x1 <= 1, y grows downwards."""

    x0: float
    y0: float
    x1: float
    y1: float
    camera: str = "front"

    def __post_init__(self) -> None:
        if not (0.0 <= self.x0 < self.x1 <= 1.0 and 0.0 <= self.y0 < self.y1 <= 1.0):
            raise ValueError(
                f"box ({self.x0:.3f}, {self.y0:.3f}, {self.x1:.3f}, {self.y1:.3f}) is not "
                "0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1"
            )

    @property
    def center(self) -> tuple[float, float]:
        """Middle (x, y) of the box."""
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2


@dataclass(frozen=True)
class Subgoal:
    """One step for the policy: a single skill on a single object, at most one place."""

    text: str
    """What the policy is told, e.g. ``pick up the red cube``."""
    skill: str
    """Name of the skill: ``pick``, ``place``, ``stack``, ``push`` or ``press`` in the tabletop suite."""
    object: str
    """What the skill acts on, as a phrase: ``red cube``, ``button``."""
    place: str | None = None
    """Where it goes, as a phrase or a direction: ``bowl``, ``blue cube``, ``left``."""
    box: Box | None = None
    """Grounding of what the hand must go to next, and of a push where the object is to end; None when it could not be
    grounded. A push then looks the same whenever it is looked at: what is left of it is between object and box."""
    question: str = ""
    """Yes/no question that decides whether the subgoal is reached."""
    time_limit: float = 12.0
    """Time after which the subgoal counts as failed [s]."""
    ahead: tuple[str, ...] = ()
    """What the planner means to do afterwards, as far as it knows; for people."""
    after: Literal["reached", "failed"] = "reached"
    """What has become of the subgoal before it. After a failure, one with the same text is another attempt."""
    grip: float | None = None
    """Opening that the loop gives the gripper before the policy begins [0-100]; None leaves it as it is."""


@dataclass(frozen=True)
class Done:
    """The instruction has been carried out."""

    summary: str = ""


@dataclass(frozen=True)
class Refuse:
    """The instruction cannot or must not be carried out; the arm does not move."""

    reason: str


@dataclass(frozen=True)
class Hold:
    """What is next is not clear yet: the arm rests until the next answer."""

    reason: str
    after: Literal["reached", "failed"] = "reached"
    """What has become of what was pursued before."""


Plan = Subgoal | Done | Refuse | Hold


@dataclass(frozen=True)
class SubgoalResult:
    """How a subgoal ended, as recorded by the loop."""

    subgoal: Subgoal
    outcome: Literal["reached", "failed", "timeout"]
    start_time: float
    """[s]"""
    end_time: float
    """[s]"""
    reason: str = ""
    achieved: bool | None = None
    """Whether the simulator says that it is reached; None where there is none that can tell."""


@dataclass(frozen=True)
class ActionChunk:
    """Consecutive actions at control rate."""

    actions: NDArray[np.float32]
    """Target joint positions (T, n), lerobot units."""
    start_time: float
    """Episode time for which ``actions[0]`` is meant [s]."""


class Planner(Protocol):
    """Slow path: frames and instruction to the next subgoal."""

    def reset(self) -> None:
        """Forget the previous episode."""
        ...

    def plan(self, observation: Observation, instruction: str, history: Sequence[SubgoalResult]) -> Plan:
        """Return the subgoal to pursue now.

        The loop asks about once a second. Returning a subgoal with the same text as the current one keeps it (its box
        is updated); a different text or ``Hold`` means that the current one has ended as its ``after`` says, ``Done``
        that it has been reached. A planner that gives up returns ``Refuse``.

        Args:
            observation: frames and proprioception of this moment.
            instruction: the user's own words.
            history: the subgoals that have ended, oldest first.
        """
        ...


@runtime_checkable
class Policy(Protocol):
    """Fast path: observation and subgoal to a chunk of actions."""

    n_action_steps: int
    """How many actions of a chunk to execute before the next one is asked for."""

    def reset(self) -> None:
        """Forget the previous episode."""
        ...

    def predict_chunk(self, observation: Observation, subgoal: Subgoal) -> ActionChunk:
        """Return the chunk that starts at ``observation.time``."""
        ...


class Expert(Protocol):
    """A scripted demonstrator. It sees simulator state, one action a tick."""

    executed: NDArray[np.float32]
    """What to send to the robot in this tick (n,), set by ``act``: what it returns, perturbed if so configured."""

    def reset(self, subgoal: Subgoal) -> None:
        """Start on a subgoal from wherever the arm is."""
        ...

    def act(self) -> NDArray[np.float32] | None:
        """Return the clean target joint positions (n,) for this tick, lerobot units: what a learner should imitate.

        None in ticks that nobody should imitate, because the expert errs on purpose.
        """
        ...


@dataclass(frozen=True)
class ArmDescription:
    """What a safety filter has to know of an arm."""

    make_spec: Callable[[], Any]
    """Returns a fresh ``mujoco.MjSpec`` of the arm alone, standing at the origin."""
    joint_names: tuple[str, ...]
    hand_site: str
    to_radians: Callable[[NDArray], NDArray[np.float64]]
    """Converts joint positions (n,) from lerobot units to the model's."""
    low: NDArray[np.float32]
    """Ends of the joint ranges (n,), lerobot units."""
    high: NDArray[np.float32]
    ready: NDArray[np.float64]
    """Pose in which policies expect to begin (n,), lerobot units."""


class Robot(Protocol):
    """An arm with cameras that takes one action a tick."""

    robot_type: str
    """lerobot's name of the robot, e.g. ``so101_follower``."""
    control_hz: float
    camera_names: tuple[str, ...]
    joint_names: tuple[str, ...]

    def observe(self, *, images: bool = True) -> Observation:
        """Read the sensors; ``images=False`` leaves the frames out, which a simulation need not render then."""
        ...

    def step(self, action: NDArray[np.float32]) -> None:
        """Send target joint positions (n,) in lerobot units and wait for (or simulate) one control period."""
        ...


class Simulation(Robot, Protocol):
    """A simulated robot with a task. Everything below may read simulator state."""

    suite: str
    version: str
    """Version of the task definitions; changes when what success means, or how scenes are drawn, changes."""
    task: str
    instruction: str
    seed: int

    def reset(self, task: str, seed: int, *, wording: Literal["train", "test"] = "train") -> None:
        """Draw the scene of ``seed`` for ``task``, and the instruction in one of its wordings.

        Raises:
            UnknownNameError: ``task`` is not one of the suite's.
        """
        ...

    def succeeded(self) -> bool:
        """Whether the task's success test holds now."""
        ...

    def failure_reason(self) -> str:
        """A short phrase for why the task is not (yet) accomplished; empty if it is."""
        ...

    def oracle(self) -> Planner:
        """A planner that reads the simulator: the upper bound for planners."""
        ...

    def expert(self, *, perturb: float = 0.0) -> Expert:
        """The scripted demonstrator for the current scene.

        Args:
            perturb: strength of noise, deliberate misses and recoveries in what it executes; 0 for none.
        """
        ...

    def close(self) -> None:
        """Free the renderer."""
        ...


@dataclass(frozen=True)
class TaskInfo:
    """What a suite says about one of its tasks."""

    name: str
    group: str
    """Tier or family the task is reported under, e.g. ``skills``, ``long``, ``easy``."""
    description: str
    max_seconds: float
    """Episode time limit [s]."""
    min_subgoals: int = 1
    max_subgoals: int = 1


@dataclass(frozen=True)
class EpisodeResult:
    """What one rollout amounted to."""

    task: str
    seed: int
    instruction: str
    success: bool
    steps: int
    """Control ticks until success, or until the episode ended."""
    reason: str
    """Why it failed; empty on success."""
    subgoals: tuple[SubgoalResult, ...] = ()
    policy_seconds: tuple[float, ...] = field(default=(), repr=False)
    """Latency of each policy call [s]."""
    planner_seconds: tuple[float, ...] = field(default=(), repr=False)
    """Latency of each planner call [s]."""
    measures: Mapping[str, bool] = field(default_factory=dict)
    """Whether it counts as a success in the other ways that the suite knows."""


def goal_vector(subgoal: Subgoal | None) -> NDArray[np.float32]:
    """Return a subgoal's box as ``observation.goal`` (5,): [present, x0, y0, x1, y1], all zero without one."""
    if subgoal is None or subgoal.box is None:
        return np.zeros(GOAL_DIM, np.float32)
    box = subgoal.box
    return np.array([1.0, box.x0, box.y0, box.x1, box.y1], np.float32)
