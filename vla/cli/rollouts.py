"""Builds what an episode needs (simulation, planner, actor) from options that can be sent to a worker process."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from vla.cli.safety import GuardedActor, make_filter
from vla.errors import ConfigError
from vla.planner.registry import LITERAL, make_planner
from vla.runtime.actors import Actor, ExpertActor, PolicyActor, TakeoverActor
from vla.runtime.episode import run_episode
from vla.runtime.subscribers import Subscriber
from vla.serve.access import read_token
from vla.serve.address import is_remote, server_url
from vla.types import EpisodeResult, Policy, Simulation

if TYPE_CHECKING:
    from envs.suites import Suite
    from vla.safety.filter import SafetyFilter

EXPERT = "expert"
"""Given as ``policy=``, stands for the suite's scripted expert."""


@dataclass(frozen=True)
class PlannerSpec:
    """Which planner to ask, how often, and what its thinking costs."""

    name: str = "oracle"
    period: float = 1.0
    """Time between questions [s], simulated."""
    latency: float | None = 0.0
    """Time until an answer takes effect [s], simulated; None charges the measured time."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the planner's own configuration."""


@dataclass(frozen=True)
class RolloutSpec:
    """Everything an episode depends on besides its task and seed."""

    suite: str
    planner: PlannerSpec
    policy: str = EXPERT
    env: Mapping[str, Any] = field(default_factory=dict)
    """Options of the suite's ``make``."""
    wording: Literal["train", "test"] = "train"
    n_action_steps: int | None = None
    device: str = "auto"
    runtime: str = "auto"
    """What runs the policy's network."""
    boxes: bool = True
    """Whether the policy is told where the planner sees the subgoal's thing."""
    perturb: float = 0.0
    """Strength of the expert's perturbations."""
    policy_fraction: float | None = None
    """Share of subgoals that the policy begins, until the expert takes over; None leaves the expert out."""
    safety: Mapping[str, Any] | None = None
    """Limits of the safety filter, see ``vla.cli.safety``; None executes actions as they are."""


class Rollouts:
    """Runs episodes in this process, with one simulation and one policy.

    Args:
        spec: what to build.
        threads: threads for torch; None leaves torch's choice.
    """

    def __init__(self, spec: RolloutSpec, threads: int | None = 1) -> None:
        self.spec = spec
        self.suite = open_suite(spec.suite)
        self.simulation: Simulation = self.suite.make(**spec.env)
        self._policy: Policy | None = None
        self.safety: SafetyFilter | None = None
        """The filter that actions go through; knows what it changed in the last episode."""
        if spec.safety is not None:
            self.safety = self._make_safety(spec.safety)
        if is_remote(spec.policy):
            from vla.serve.client import Endpoint, RemotePolicy

            self._policy = RemotePolicy(Endpoint(server_url(spec.policy), read_token(None)), spec.n_action_steps)
        elif spec.policy != EXPERT:
            from vla.runtime.lerobot_policy import load_policy

            self._policy = load_policy(spec.policy, spec.device, spec.n_action_steps, threads, spec.runtime)

    def run(self, task: str, seed: int, subscribers: Sequence[Subscriber] = ()) -> EpisodeResult:
        """Draw the scene of ``seed`` and carry out the task."""
        self.simulation.reset(task, seed, wording=self.spec.wording)
        return self.run_current(self.suite.tasks[task].max_seconds, subscribers)

    def reset_for_instruction(self, instruction: str, seed: int | None) -> None:
        """Draw the scene of ``seed``, with success being what ``instruction`` asks for.

        Without a seed, the first scene in which everything mentioned is there is drawn. Planners that take any words
        are given those that the simulation does not understand, too.

        Raises:
            ConfigError: the suite has tasks only, no free instructions.
            VlaError: neither planner nor simulation understands it, or it names what is not in the scene.
        """
        reset = getattr(self.simulation, "reset_for_instruction", None)
        if self.spec.planner.name not in LITERAL:
            reset = getattr(self.simulation, "reset_for_words", reset)
        if reset is None:
            raise ConfigError(f"the suite {self.suite.name} takes no free instructions; see `vla eval`")
        reset(instruction, seed)

    def run_current(self, max_seconds: float, subscribers: Sequence[Subscriber] = ()) -> EpisodeResult:
        """Carry out the instruction of the scene that is already there."""
        planner = self.spec.planner
        if self._policy is not None:
            import torch

            torch.manual_seed(self.simulation.seed)  # for policies that sample
        return run_episode(
            self.simulation,
            make_planner(planner.name, self.simulation, planner.options),
            self._actor() if self.safety is None else GuardedActor(self._actor(), self.safety),
            max_seconds=max_seconds,
            planner_period=planner.period,
            planner_latency=planner.latency,
            subscribers=subscribers,
        )

    def _make_safety(self, limits: Mapping[str, Any]) -> SafetyFilter:
        describe_arm = getattr(self.simulation, "describe_arm", None)
        if describe_arm is None:
            raise ConfigError(f"the suite {self.suite.name} describes no arm for a safety filter; use safety=none")
        return make_filter(limits, describe_arm(), self.simulation.control_hz)

    def _actor(self) -> Actor:
        simulation, spec = self.simulation, self.spec
        if self._policy is None:
            return ExpertActor(simulation.expert(perturb=spec.perturb))
        if spec.policy_fraction is None:
            return PolicyActor(self._policy, simulation.control_hz, boxes=spec.boxes)
        expert = simulation.expert(perturb=spec.perturb)
        return TakeoverActor(self._policy, expert, simulation.control_hz, spec.policy_fraction, simulation.seed)


def open_suite(name: str) -> Suite:
    """Return a suite by its name, or by ``module:attribute`` if it is not one of ours.

    Raises:
        ConfigError: the module or the attribute does not exist.
        UnknownNameError: there is no suite of that name.
    """
    if ":" not in name:
        from envs.suites import load_suite

        return load_suite(name)
    module, attribute = name.split(":", 1)
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"suite={name}: {error}") from error
