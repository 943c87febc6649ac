"""The control loop in real time: planner and policy think in processes of their own, the loop never waits for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vla.errors import RobotError
from vla.processes import Prompt
from vla.runtime.executor import ChunkExecutor
from vla.runtime.loop_report import LoopReport
from vla.runtime.pacer import Pacer
from vla.runtime.plan_follower import PlanFollower
from vla.runtime.sidecar import Reply, Sidecar
from vla.runtime.subscribers import Subscriber
from vla.types import ActionChunk, Observation, Plan, Robot, Subgoal, SubgoalResult

PlannerRequest = tuple[Observation, str, tuple[SubgoalResult, ...]]
"""What a planner is asked with: observation, instruction, history."""
PolicyRequest = tuple[Observation, Subgoal]
"""What a policy is asked with."""
NICENESS = -10
"""Of the loop's thread: planner and policy may come late, a tick must not."""
SETTLE_SECONDS = 1.0
"""Time that the arm is given to come to rest [s]."""
FAULT_SECONDS = 0.5
"""A robot that fails for longer than this is not going to recover by itself [s]."""
ARRIVED = 10.0
"""Joints this close to where they were sent have got there, gravity allowed for [units]."""


class Safety(Protocol):
    """The part of a safety filter that the loop needs; see ``vla.safety``."""

    @property
    def stopped(self) -> str:
        """Why the arm is stopped for good; empty if it is not."""
        ...

    def guard(
        self, proposal: NDArray | None, observation: Observation, time: float, planned_at: float | None
    ) -> NDArray[np.float32] | None:
        """Return what to send (n,) for a proposal (n,) or for none; None to send nothing."""
        ...

    def stop(self, cause: str) -> None:
        """Stop for good."""
        ...

    @property
    def at_rest(self) -> bool:
        """Whether the commands stand still."""
        ...


class ControlLoop:
    """Runs one instruction on a robot at its control rate.

    Each tick: observe, take in what planner and policy have answered, ask them again when they are due, play the action
    of this moment through the safety filter, send it. Without a fresh answer, or a fresh observation, the arm holds;
    nothing is replayed, nor is the rest of a chunk played whose policy has died. A robot that fails for half a second,
    or for good, ends the run.

    Args:
        robot: observes and acts; ``step`` must return well within a control period.
        policy: answers with action chunks.
        planner: answers with plans.
        safety: has the last word on every command.
        planner_period: time between questions to the planner [s].
        replan_ticks: a new chunk is asked for once this many ticks of the present one have been played.
        blend_ticks: see ``ChunkExecutor``.
        subscribers: watch. They are given the action that was sent.
        stop_requested: asked every tick; a cause other than "" stops the arm for good.
    """

    def __init__(
        self,
        robot: Robot,
        policy: Sidecar[PolicyRequest, ActionChunk],
        planner: Sidecar[PlannerRequest, Plan],
        safety: Safety,
        *,
        planner_period: float = 1.0,
        replan_ticks: int = 6,
        blend_ticks: int = 6,
        subscribers: Sequence[Subscriber] = (),
        stop_requested: Callable[[], str] = lambda: "",
    ) -> None:
        self._robot, self._policy, self._planner, self._safety = robot, policy, planner, safety
        self._planner_period, self._replan_ticks = planner_period, replan_ticks
        self._subscribers, self._stop_requested = tuple(subscribers), stop_requested
        self._executor = ChunkExecutor(robot.control_hz, blend_ticks=blend_ticks)
        self._pacer = Pacer(robot.control_hz)
        self._report = LoopReport()
        self._plan_request = self._policy_request = 0
        self._next_instruction: str | None = None
        self._seen: Observation | None = None
        self._failing_since: float | None = None

    @Prompt(NICENESS)
    def move_to(self, pose: NDArray, speed: float = 60.0) -> bool:
        """Move the joints on a straight line to ``pose`` (n,); return whether they have got there.

        Args:
            pose: where to go.
            speed: of the joint that has furthest to go [units/s].

        Raises:
            RobotError: the robot cannot be read at all.
        """
        begun = self._pacer.wait()
        start = self._robot.observe(images=False).state
        seconds = float(np.abs(pose - start).max()) / speed
        while True:
            now = self._pacer.wait()
            seen, fresh = self._observe(now, images=False)
            if cause := self._stop_requested():
                self._safety.stop(cause)
            part = min(1.0, (now - begun) / max(seconds, 1e-6))
            proposal = start + part * (pose - start) if fresh else None
            self._send(self._safety.guard(proposal, seen, now, None), now, fresh)
            if self._safety.stopped and self._safety.at_rest:
                return False
            if now - begun > seconds + SETTLE_SECONDS:
                return bool(np.abs(seen.state - pose).max() < ARRIVED)

    def instruct(self, instruction: str) -> None:
        """Have the run carry out another instruction instead, from the next tick on; from any thread."""
        self._next_instruction = instruction

    @Prompt(NICENESS)
    def run(self, instruction: str, max_seconds: float) -> LoopReport:
        """Carry out an instruction; returns with the arm at rest.

        Args:
            instruction: in plain words.
            max_seconds: time limit of an instruction [s].

        Raises:
            RobotError: the robot cannot be read at all.
        """
        report = self._report = LoopReport()
        self._ended_subgoals: list[SubgoalResult] = []
        self._seen = None
        self._start_instruction(instruction)
        begun: float | None = None
        instructed_at = 0.0
        ticks, missed = self._pacer.ticks, self._pacer.missed
        for subscriber in self._subscribers:
            subscriber.on_start(instruction)
        ending_at: float | None = None
        while True:
            now = self._pacer.wait()
            if begun is None:
                begun = instructed_at = now
            if self._next_instruction is not None and ending_at is None:
                self._plan.end_subgoal("failed", now, "another instruction")
                self._ended_subgoals += self._plan.history
                self._start_instruction(self._next_instruction)
                instructed_at = now
            if ending_at is None and (reason := self._why_end(now - instructed_at, max_seconds)) is not None:
                report.reason, ending_at = reason, now
            if ending_at is not None and (self._safety.at_rest or now - ending_at > SETTLE_SECONDS):
                break
            self._tick(now, moving=ending_at is None)
        self._plan.end_subgoal("timeout", now, report.reason or "done")
        report.lateness = self._pacer.lateness[ticks:]
        report.ticks, report.elapsed = len(report.lateness), now - begun
        report.missed = self._pacer.missed - missed
        report.done = self._plan.ended and not self._plan.refused and not report.reason
        report.subgoals = (*self._ended_subgoals, *self._plan.history)
        report.restarts = {sidecar.name: sidecar.restarts for sidecar in (self._policy, self._planner)}
        return report

    def _start_instruction(self, instruction: str) -> None:
        """Forget what was planned for another instruction, on its way here included."""
        self._instruction, self._next_instruction = instruction, None
        self._plan = PlanFollower(self._begin, self._report_end)
        self._next_question, self._first_plan = 0.0, self._plan_request + 1
        self._forget_chunks()

    def _why_end(self, elapsed: float, max_seconds: float) -> str | None:
        """Return why the run is over, "" if it is done, None if it goes on."""
        if cause := self._stop_requested():
            self._safety.stop(cause)
        if self._safety.stopped:
            return self._safety.stopped
        if self._planner.restarts or self._planner.dead:
            return "the planner died"
        if self._policy.state == "failed":
            return "the policy cannot be started again"
        if self._plan.ended:
            return self._plan.reason
        return f"time limit of {max_seconds:g} s" if elapsed >= max_seconds else None

    def _tick(self, now: float, *, moving: bool) -> None:
        policy_due = moving and self._plan.subgoal is not None and self._policy.free and self._chunk_is_due(now)
        planner_due = moving and self._planner.free and now >= self._next_question
        watched = any(subscriber.wants_frames for subscriber in self._subscribers)
        observation, fresh = self._observe(now, images=policy_due or planner_due or watched)
        if moving:
            self._take_answers(now)
            if self._policy.dead:  # nobody looks ahead any more: what is left of its chunk is not played
                self._forget_chunks()
            if self._plan.check_time_limit(now):
                self._next_question = now
                self._forget_chunks()
        if planner_due and fresh:
            self._plan_request = self._planner.submit((observation, self._instruction, tuple(self._plan.history)))
            self._next_question = now + self._planner_period
        subgoal = self._plan.subgoal if fresh else None
        if policy_due and subgoal is not None:
            self._policy_request = self._policy.submit((observation.at_frames(), subgoal))
        proposal = self._executor.action_at(now) if moving and subgoal is not None else None
        self._report.held += moving and proposal is None
        action = self._safety.guard(proposal, observation, now, self._executor.planned_at)
        for subscriber in self._subscribers:
            subscriber.on_tick(observation, subgoal, action)
        self._send(action, now, fresh)

    def _observe(self, now: float, *, images: bool) -> tuple[Observation, bool]:
        """Return the robot's observation and True; while it fails, the last one and False.

        Raises:
            RobotError: it fails the first time that it is asked.
        """
        try:
            self._seen = replace(self._robot.observe(images=images), time=now)
        except RobotError as error:
            if self._seen is None:
                raise
            self._note_fault(error, now)
            return self._seen, False
        return self._seen, True

    def _send(self, action: NDArray[np.float32] | None, now: float, fresh: bool) -> None:
        try:
            if action is not None:
                self._robot.step(action)
        except RobotError as error:
            self._note_fault(error, now)
            return
        if fresh:
            self._failing_since = None

    def _note_fault(self, error: RobotError, now: float) -> None:
        self._report.faults[str(error)] += 1
        if self._failing_since is None:
            self._failing_since = now
        if error.lasting or now - self._failing_since > FAULT_SECONDS:
            self._safety.stop(str(error))

    def _chunk_is_due(self, now: float) -> bool:
        planned_at = self._executor.planned_at
        return planned_at is None or (now - planned_at) * self._robot.control_hz >= self._replan_ticks

    def _take_answers(self, now: float) -> None:
        while reply := self._planner.poll():
            self._note(reply, self._report.planner_seconds)
            if reply.result is not None and reply.request >= self._first_plan and not self._plan.ended:
                self._plan.follow(reply.result, now)
        while reply := self._policy.poll():
            self._note(reply, self._report.policy_seconds)
            if reply.result is not None and reply.request >= self._first_chunk:
                self._executor.load(reply.result, now)

    def _note(self, reply: Reply[Any], seconds: list[float]) -> None:
        if reply.error:
            self._report.errors.append(reply.error)
        else:
            seconds.append(reply.seconds)

    def _begin(self, subgoal: Subgoal) -> None:
        self._forget_chunks()

    def _forget_chunks(self) -> None:
        """Drop what was planned for another subgoal, on its way here included."""
        self._executor.drop()
        self._first_chunk = self._policy_request + 1

    def _report_end(self, result: SubgoalResult) -> None:
        for subscriber in self._subscribers:
            subscriber.on_subgoal_end(result)
