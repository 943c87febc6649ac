"""Who moves the arm during an episode: a policy, a scripted expert, or both in turn."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from vla.runtime.executor import ChunkExecutor
from vla.types import Expert, Observation, Policy, Subgoal

LONGEST_LEARNER_TURN = 32
"""Most chunks of a subgoal that a policy executes before an expert takes over: enough to get stuck somewhere."""


class Motion(NamedTuple):
    """What is done in one control tick."""

    intended: NDArray[np.float32] | None
    """Target joint positions (n,) that a learner should imitate, lerobot units; None where nobody should."""
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

    def hold(self, observation: Observation, last: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the action (n,) of a tick without a subgoal; ``last`` is what was executed before."""
        ...


class PolicyActor:
    """A policy, asked for a chunk whenever the previous one has been played.

    Args:
        policy: who is asked.
        control_hz: actions a second.
        boxes: tell it where the planner sees the subgoal's thing; without, words alone say what is meant.
    """

    def __init__(self, policy: Policy, control_hz: float, *, boxes: bool = True) -> None:
        self.policy_seconds: list[float] = []
        self._policy = policy
        self._boxes = boxes
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
            told = subgoal if self._boxes else replace(subgoal, box=None)
            chunk = self._policy.predict_chunk(observation, told)
            self.policy_seconds.append(perf_counter() - started)
            self._executor.load(chunk)
            action = chunk.actions[0]
        return Motion(action, action)

    def hold(self, observation: Observation, last: NDArray[np.float32]) -> NDArray[np.float32]:
        """Stay where the last action led."""
        return last


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

    def hold(self, observation: Observation, last: NDArray[np.float32]) -> NDArray[np.float32]:
        """Stay where the last action led."""
        return last


class TakeoverActor:
    """A policy begins a subgoal, and an expert takes over in the midst of it and carries it out.

    Only the expert's part is to be imitated: data recorded this way shows how to go on from where the policy itself
    gets to, in whole stretches that the expert really executed, so that chunks of actions taken from them fit together
    (HG-DAgger, Kelly et al. 2019, with the moment drawn at random). Labelling the policy's own part with what the
    expert would do in each tick (DAgger, Ross et al. 2011) gives chunks that nobody could execute.

    Args:
        policy: the learner.
        expert: the teacher.
        control_hz: actions a second.
        policy_fraction: probability that the policy begins a subgoal.
        seed: decides which subgoals it begins, and when the expert takes over.
    """

    def __init__(self, policy: Policy, expert: Expert, control_hz: float, policy_fraction: float, seed: int) -> None:
        self._learner = PolicyActor(policy, control_hz)
        self._teacher = ExpertActor(expert)
        self._chunk = policy.n_action_steps
        self._policy_fraction = policy_fraction
        self._seed = seed
        self.policy_seconds = self._learner.policy_seconds
        self.reset()

    def reset(self) -> None:
        """Forget the previous episode, including what was drawn in it."""
        self._learner.reset()
        self._random = np.random.default_rng(self._seed)
        self._policy_ticks = 0

    def begin(self, subgoal: Subgoal) -> None:
        """Draw who begins and for how long: as often for 1 to 2 chunks as for 16 to 32."""
        policy_begins = self._random.random() < self._policy_fraction
        chunks = round(LONGEST_LEARNER_TURN ** self._random.random())
        self._policy_ticks = self._chunk * chunks if policy_begins else 0
        self._learner.begin(subgoal)
        self._teacher.begin(subgoal)

    def wants_frames(self, time: float) -> bool:
        """True when the policy is about to be asked."""
        return self._policy_ticks > 0 and self._learner.wants_frames(time)

    def act(self, observation: Observation, subgoal: Subgoal) -> Motion:
        """Return the policy's action, not to be imitated, or the expert's from when it has taken over."""
        if self._policy_ticks == 0:
            return self._teacher.act(observation, subgoal)
        motion = self._learner.act(observation, subgoal)
        self._policy_ticks -= 1
        if self._policy_ticks == 0:
            self._teacher.begin(subgoal)  # from the next tick on, from wherever the arm is then
        return Motion(None, motion.executed)

    def hold(self, observation: Observation, last: NDArray[np.float32]) -> NDArray[np.float32]:
        """Stay where the last action led."""
        return last
