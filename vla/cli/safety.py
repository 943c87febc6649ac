"""Builds the safety filter of an arm from the config group ``safety``, and puts it between an actor and the arm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf

from vla.errors import ConfigError, UnknownNameError
from vla.runtime.actors import Actor, Motion
from vla.safety.envelope import Envelope
from vla.safety.filter import SafetyFilter
from vla.safety.lead import Lead
from vla.safety.limit import Clamp, Monitor, Situation, Veto
from vla.safety.self_collision import SelfCollision
from vla.safety.staleness import StaleChunk, StaleObservation
from vla.safety.stall import Stall
from vla.safety.table import Table
from vla.safety.workspace import Workspace
from vla.types import ArmDescription, Observation, Subgoal

LIMITS = (
    "velocity",
    "acceleration",
    "jerk",
    "lead",
    "workspace",
    "table",
    "self_collision",
    "stall",
    "stale_observation",
    "stale_chunk",
    "ramp",
)
GRIPPER = "gripper"


def safety_options(config: DictConfig) -> dict[str, Any] | None:
    """Return the config group ``safety``; None without a filter. Says which limits are switched off.

    Raises:
        UnknownNameError: an option that is no limit.
        ConfigError: a limit is missing: switching it off must be explicit.
    """
    group = OmegaConf.to_container(config.get("safety") or OmegaConf.create({}))
    assert isinstance(group, dict)
    if not group:
        return None
    options = {str(name): value for name, value in group.items()}
    if unknown := [name for name in options if name not in LIMITS]:
        raise UnknownNameError("safety limit", unknown[0], LIMITS)
    if missing := [name for name in LIMITS if name not in options]:
        raise ConfigError(f"safety.{missing[0]} is not set; null switches it off")
    if off := [name for name, value in options.items() if value is None]:
        print(f"safety limits switched off: {', '.join(off)}")
    return options


def required_safety(config: DictConfig, why: str) -> dict[str, Any]:
    """Return the config group ``safety`` where there must be a filter.

    Args:
        config: with the group.
        why: what is said if there is none.

    Raises:
        ConfigError: there is none, or see ``safety_options``.
    """
    options = safety_options(config)
    if options is None:
        raise ConfigError(f"safety=none: {why}")
    return options


def make_filter(options: Mapping[str, Any], arm: ArmDescription, control_hz: float) -> SafetyFilter:
    """Build the filter of an arm; ``options`` are those of ``safety_options``."""

    from vla.safety.arm_model import ArmModel  # loads MuJoCo, whose rendering backend the suite has chosen by now

    def limit(name: str) -> float:
        return np.inf if options[name] is None else options[name]

    clamps: list[Clamp] = []
    vetoes: list[Veto] = []
    monitors: list[Monitor] = []
    if options["lead"] is not None:
        clamps.append(Lead(options["lead"]))
    table = options["table"] or {"height": 0.0}
    model = ArmModel(arm.make_spec(), arm.joint_names, arm.to_radians, table["height"])
    if options["workspace"] is not None:
        vetoes.append(Workspace(model, arm.hand_site, options["workspace"]["low"], options["workspace"]["high"]))
    if options["table"] is not None:
        vetoes.append(Table(model, table["tolerance"]))
    if options["self_collision"] is not None:
        vetoes.append(SelfCollision(model, options["self_collision"]))
    if options["stale_observation"] is not None:
        monitors.append(StaleObservation(options["stale_observation"]))
    if options["stale_chunk"] is not None:
        monitors.append(StaleChunk(options["stale_chunk"]))
    if (stall := options["stall"]) is not None:
        errors = [np.inf if GRIPPER in name else stall["error"] for name in arm.joint_names]
        monitors.append(Stall(arm.joint_names, errors, stall["distance"], stall["seconds"]))
    envelope = Envelope(
        arm.low, arm.high, limit("velocity"), limit("acceleration"), limit("jerk"), period=1.0 / control_hz
    )
    return SafetyFilter(envelope, clamps, vetoes, monitors, options["ramp"] or 0.0)


class Guard:
    """A safety filter as the control loop wants it.

    Args:
        filter: decides.
    """

    def __init__(self, filter: SafetyFilter) -> None:
        self.filter = filter

    @property
    def stopped(self) -> str:
        """Why the arm is stopped for good; empty if it is not."""
        return self.filter.stopped

    @property
    def at_rest(self) -> bool:
        """Whether the commands stand still."""
        return self.filter.at_rest

    def stop(self, cause: str) -> None:
        """Stop for good."""
        self.filter.stop(cause)

    def resume(self) -> bool:
        """Lift a stop, once the arm is at rest; return whether it is lifted."""
        return self.filter.resume()

    def guard(
        self, proposal: NDArray | None, observation: Observation, time: float, planned_at: float | None
    ) -> NDArray[np.float32] | None:
        """Return what to send (n,) for a proposal (n,) or for none; None to send nothing."""
        measured = observation.state.astype(np.float64)
        return self.filter.decide(proposal, Situation(time, measured, observation.time, planned_at)).action


class GuardedActor:
    """An actor whose actions go through a safety filter before they are executed.

    Args:
        actor: proposes actions.
        safety: decides on them.
    """

    def __init__(self, actor: Actor, safety: SafetyFilter) -> None:
        self._actor, self._guard = actor, Guard(safety)
        self.policy_seconds = actor.policy_seconds

    def reset(self) -> None:
        """Forget the previous episode; the arm starts at rest."""
        self._actor.reset()
        self._guard.filter.restart()

    def begin(self, subgoal: Subgoal) -> None:
        """Start on a subgoal."""
        self._actor.begin(subgoal)

    def wants_frames(self, time: float) -> bool:
        """Whether the actor looks."""
        return self._actor.wants_frames(time)

    def act(self, observation: Observation, subgoal: Subgoal) -> Motion:
        """Return the actor's motion, executed as far as it is safe."""
        motion = self._actor.act(observation, subgoal)
        return motion._replace(executed=self._decide(motion.executed, observation))

    def hold(self, observation: Observation, last: NDArray[np.float32]) -> NDArray[np.float32]:
        """Come to rest, and stay there."""
        return self._decide(None, observation)

    def _decide(self, proposal: NDArray | None, observation: Observation) -> NDArray[np.float32]:
        action = self._guard.guard(proposal, observation, observation.time, planned_at=None)
        assert action is not None  # a simulation always knows where its arm is
        return action
