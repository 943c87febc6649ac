"""Who moves the arm during an episode: a policy, a scripted expert, or both in turn."""

from __future__ import annotations

from time import perf_counter
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from vla.runtime.executor import ChunkExecutor
from vla.types import Expert, Observation, Policy, Subgoal

LONGEST_TURN = 12
"""Chunks for which a policy or an expert acts before it is drawn anew who does."""


class Motion(NamedTuple):
    """What is done in one control tick."""

    intended: NDArray[np.float32]
    """Target joint positions (n,) that a learner should imitate, lerobot units."""
    executed: NDArray[np.float32]
    """Target joint positions (n,) that are sent to the robot; differ when the execution is perturbed."""


class Actor(Protocol):
    """Turns the current subgoal into one action a tick."""

    policy_seconds: list[float]
    """Latency of each policy call of this episode [s]."""

    def reset(self) -> None:
        """Forget the previous episode."""
        ...

    def begin(self, subgoal: Subgoal) -> None:
        """Start on a subgoal; whatever was queued for the previous one is dropped."""
        ...

    def wants_frames(self, time: float) -> bool:
        """Whether the observation given to ``act`` at ``time`` [s] must hold frames."""
        ...

    def act(self, observation: Observation, subgoal: Subgoal) -> Motion:
        """Return what to do in this tick."""
        ...


class PolicyActor:
    """A policy, asked for a chunk whenever the previous one has been played."""

    def __init__(self, policy: Policy, control_hz: float) -> None:
        self.policy_seconds: list[float] = []
        self._policy = policy
        self._executor = ChunkExecutor(control_hz, policy.n_action_steps)

    def reset(self) -> None:
        """Forget the previous episode."""
        self.policy_seconds.clear()
        self._executor.drop()
        self._policy.reset()

    def begin(self, subgoal: Subgoal) -> None:
        """Drop the chunk that was meant for the previous subgoal."""
        self._executor.drop()

    def wants_frames(self, time: float) -> bool:
        """True when the policy is about to be asked."""
        return self._executor.action_at(time) is None

    def act(self, observation: Observation, subgoal: Subgoal) -> Motion:
        """Return the chunk's action for this tick, after asking for a new chunk if there is none."""
        action = self._executor.action_at(observation.time)
        if action is None:
            started = perf_counter()
            chunk = self._policy.predict_chunk(observation, subgoal)
            self.policy_seconds.append(perf_counter() - started)
            self._executor.load(chunk)
            action = chunk.actions[0]
        return Motion(action, action)


class ExpertActor:
    """A scripted expert, asked every tick."""

    def __init__(self, expert: Expert) -> None:
        self.policy_seconds: list[float] = []
        self._expert = expert

    def reset(self) -> None:
        """Nothing to forget: the expert starts anew with each subgoal."""

    def begin(self, subgoal: Subgoal) -> None:
        """Hand the subgoal to the expert."""
        self._expert.reset(subgoal)

    def wants_frames(self, time: float) -> bool:
        """Never: the expert reads simulator state."""
        return False

    def act(self, observation: Observation, subgoal: Subgoal) -> Motion:
        """Return the expert's clean action, and the perturbed one that it wants executed."""
        intended = self._expert.act()
        return Motion(intended, self._expert.executed)


class MixedActor:
    """A policy and an expert act in turns of a few chunks; the expert's action is what is intended throughout.

    Data recorded this way shows how to go on from states that the policy itself gets into (DAgger, Ross et al. 2011,
    section 3). Turns last up to ``LONGEST_TURN`` chunks, so that the policy also gets to where one mistake has led on
    to the next.

    Args:
        policy: the learner.
        expert: the teacher.
        control_hz: actions a second.
        policy_fraction: probability that a turn is the policy's.
        seed: decides which turns are, and how long they last.
    """

    def __init__(self, policy: Policy, expert: Expert, control_hz: float, policy_fraction: float, seed: int) -> None:
        self._learner = PolicyActor(policy, control_hz)
        self._teacher = ExpertActor(expert)
        self._chunk = policy.n_action_steps
        self._policy_fraction = policy_fraction
        self._seed = seed
        self.policy_seconds = self._learner.policy_seconds
        self._begin_episode()

    def reset(self) -> None:
        """Forget the previous episode, including what was drawn in it."""
        self._learner.reset()
        self._begin_episode()

    def begin(self, subgoal: Subgoal) -> None:
        """Start both on the subgoal and draw anew who acts."""
        self._learner.begin(subgoal)
        self._teacher.begin(subgoal)
        self._draw()

    def wants_frames(self, time: float) -> bool:
        """True when the policy is about to be asked."""
        return self._policy_acts and self._learner.wants_frames(time)

    def act(self, observation: Observation, subgoal: Subgoal) -> Motion:
        """Return the expert's action as intended, and the action of whoever acts now as executed."""
        intended, executed = self._teacher.act(observation, subgoal)
        if self._policy_acts:
            executed = self._learner.act(observation, subgoal).executed
        self._ticks_left -= 1
        if self._ticks_left == 0:
            self._draw()
        return Motion(intended, executed)

    def _begin_episode(self) -> None:
        self._random = np.random.default_rng(self._seed)
        self._draw()

    def _draw(self) -> None:
        self._policy_acts = bool(self._random.random() < self._policy_fraction)
        self._ticks_left = self._chunk * int(self._random.integers(1, LONGEST_TURN + 1))
