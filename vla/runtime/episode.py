"""The episode loop in simulated time: planner on the slow path, an actor on the fast one."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

import numpy as np

from vla.runtime.actors import Actor
from vla.runtime.approach import Preparation
from vla.runtime.attempt import Attempt
from vla.runtime.plan_follower import PlanFollower
from vla.runtime.subscribers import Subscriber
from vla.types import EpisodeResult, Observation, Plan, Planner, Simulation, Subgoal, SubgoalResult


def run_episode(
    simulation: Simulation,
    planner: Planner,
    actor: Actor,
    *,
    max_seconds: float,
    planner_period: float = 1.0,
    planner_latency: float | None = 0.0,
    subscribers: Sequence[Subscriber] = (),
) -> EpisodeResult:
    """Carry out the instruction of a simulation that has just been reset.

    The episode ends when the planner says ``Done`` or refuses, when a subgoal has run out of time three times, or
    after ``max_seconds``. Except after a refusal, it is a success if the simulation's success test holds then; where
    the simulation does not know what is asked for (``judges``), if the planner has said ``Done``. Frames are
    rendered only for ticks at which the planner, the actor or a subscriber looks at them.

    Args:
        simulation: the robot and its task.
        planner: asked at the start, every ``planner_period`` after that, and when a subgoal runs out of time.
        actor: moves the arm.
        max_seconds: time limit [s], simulated.
        planner_period: time between questions to the planner [s], simulated.
        planner_latency: simulated time until a planner's answer takes effect [s]; None charges what the call took on
            the wall clock, which makes the episode depend on the machine. The arm carries on meanwhile; where answers
            take time, it rests when it is back from a subgoal, until the planner has looked.
        subscribers: watch the episode.
    """
    loop = _Loop(simulation, planner, actor, planner_period, planner_latency, subscribers)
    return loop.run(max_ticks=round(max_seconds * simulation.control_hz))


class _Loop:
    def __init__(
        self,
        simulation: Simulation,
        planner: Planner,
        actor: Actor,
        planner_period: float,
        planner_latency: float | None,
        subscribers: Sequence[Subscriber],
    ) -> None:
        self._simulation = simulation
        self._planner = planner
        self._actor = actor
        self._planner_period = planner_period
        self._planner_latency = planner_latency
        self._subscribers = subscribers

        self._ticks = 0
        self._plan = PlanFollower(self._begin, self._report_end, getattr(simulation, "achieved", None))
        self._attempt = Attempt()

        self._next_question = 0.0
        self._answer: Plan | None = None
        self._answer_time = 0.0
        self._planner_seconds: list[float] = []

        self._seen: Observation | None = None
        self._last_action = simulation.observe(images=False).state
        self._preparation = Preparation(self._last_action, lasting=planner_latency != 0)

    @property
    def _time(self) -> float:
        return self._ticks / self._simulation.control_hz

    def run(self, max_ticks: int) -> EpisodeResult:
        self._planner.reset()
        self._actor.reset()
        for subscriber in self._subscribers:
            subscriber.on_start(self._simulation.instruction)
        while self._ticks < max_ticks:
            if not self._attempt.over and self._plan.check_time_limit(self._time):
                self._next_question = self._time
            self._consult_planner()
            if self._plan.ended:
                break
            self._act()
        self._plan.end_subgoal("timeout", self._time, "episode time limit")
        result = self._result()
        for subscriber in self._subscribers:
            subscriber.on_end(result)
        return result

    def _look(self, *, images: bool) -> Observation:
        """Observe this tick once; render only if somebody wants frames."""
        if self._seen is None or (images and not self._seen.images):
            self._seen = self._simulation.observe(images=images)
        return self._seen

    def _consult_planner(self) -> None:
        if self._plan.ended:
            return
        prepared = self._preparation.over or self._plan.subgoal is None
        if self._answer is None and prepared and self._time >= self._next_question:
            started = perf_counter()
            self._answer = self._planner.plan(self._look(images=True), self._simulation.instruction, self._plan.history)
            seconds = perf_counter() - started
            self._planner_seconds.append(seconds)
            self._attempt.asked(len(self._planner_seconds))
            self._answer_time = self._time + (seconds if self._planner_latency is None else self._planner_latency)
            self._next_question = self._time + self._planner_period
        if self._answer is not None and self._time >= self._answer_time:
            answer, self._answer = self._answer, None
            self._plan.follow(answer, self._time)
            if self._attempt.answered(len(self._planner_seconds)) and self._plan.subgoal is not None:
                self._actor.begin(self._plan.subgoal)

    def _begin(self, subgoal: Subgoal) -> None:
        self._attempt.begin()
        self._preparation.begin(subgoal, again=self._plan.failed_last)
        self._actor.begin(subgoal)

    def _report_end(self, result: SubgoalResult) -> None:
        for subscriber in self._subscribers:
            subscriber.on_subgoal_end(result)

    def _act(self) -> None:
        watched = any(subscriber.wants_frames for subscriber in self._subscribers)
        subgoal = self._plan.subgoal
        state, moved = self._look(images=False).state, self._preparation.moves
        way = self._preparation.next(state, self._last_action, self._time)
        if moved and way is None:  # with the arm out of the way it may be seen that nothing is left to do
            self._next_question = self._time
        attempting = subgoal is not None and way is None
        if attempting and self._planner_latency != 0 and self._attempt.see(state):
            self._next_question = self._time
        if way is not None:
            observation = self._look(images=watched)
            intended, executed = None, way.astype(np.float32)
        elif subgoal is None or self._attempt.over:
            observation = self._look(images=watched)
            intended = executed = self._actor.hold(observation, self._last_action)
        else:
            observation = self._look(images=watched or self._actor.wants_frames(self._time))
            intended, executed = self._actor.act(observation, subgoal)
        for subscriber in self._subscribers:
            subscriber.on_tick(observation, subgoal, intended)
        self._simulation.step(executed)
        self._last_action = executed
        self._seen = None
        self._ticks += 1

    def _result(self) -> EpisodeResult:
        simulation = self._simulation
        known = getattr(simulation, "judges", True)
        success = not self._plan.refused and (simulation.succeeded() if known else self._plan.done)
        reason = "" if success else self._plan.reason or simulation.failure_reason() or "time limit"
        return EpisodeResult(
            task=simulation.task,
            seed=simulation.seed,
            instruction=simulation.instruction,
            success=success,
            steps=self._ticks,
            reason=reason,
            subgoals=tuple(self._plan.history),
            policy_seconds=tuple(self._actor.policy_seconds),
            planner_seconds=tuple(self._planner_seconds),
            measures=self._measures(),
        )

    def _measures(self) -> dict[str, bool]:
        """Return the suite's other ways to count a success; most suites have none."""
        measures = getattr(self._simulation, "measures", None)
        if measures is None:
            return {}
        return {name: holds and not self._plan.refused for name, holds in measures().items()}
