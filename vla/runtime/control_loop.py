"""The control loop in real time: planner and policy think in processes of their own, the loop never waits for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Literal

from numpy.typing import NDArray

from vla.processes import Prompt
from vla.runtime.approach import ARRIVED, SETTLE_SECONDS, SPEED, Approach, Preparation, distance
from vla.runtime.attempt import Attempt
from vla.runtime.executor import ChunkExecutor
from vla.runtime.instructions import Instructions
from vla.runtime.loop_events import LoopEvents
from vla.runtime.loop_report import LoopReport
from vla.runtime.pacer import Pacer
from vla.runtime.partners import PlannerRequest, PolicyRequest, Safety
from vla.runtime.patient_robot import PatientRobot
from vla.runtime.plan_follower import PlanFollower
from vla.runtime.sidecar import Reply, Sidecar
from vla.runtime.subscribers import Subscriber
from vla.types import ActionChunk, Observation, Plan, Robot, Subgoal, SubgoalResult

NICENESS = -10
"""Of the loop's thread: planner and policy may come late, a tick must not."""


class ControlLoop:
    """Runs instructions on a robot at its control rate.

    Each tick: observe, take in what planner and policy have answered, ask them again when they are due, play the action
    of this moment through the safety filter, send it. Without a fresh answer, or a fresh observation, the arm holds;
    nothing is replayed, nor is the rest of a chunk played whose policy has died. Back from a subgoal, the arm rests
    until the planner has looked. A robot that fails for half a second, or for good, ends the run.

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
        end_requested: asked every tick; a reason other than "" ends the run, and latches nothing.
        ready: pose that the arm goes to before the planner is first asked about an instruction (n,), NaN for joints
            that stay; None to ask from wherever it is.
        instructions: where `instruct` puts them.
        events: is told what happens.
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
        end_requested: Callable[[], str] = lambda: "",
        ready: NDArray | None = None,
        instructions: Instructions | None = None,
        events: LoopEvents | None = None,
    ) -> None:
        self._policy, self._planner, self._safety = policy, planner, safety
        self._robot = PatientRobot(robot, self._note_fault, safety.stop)
        self._control_hz = robot.control_hz
        self._planner_period, self._replan_ticks = planner_period, replan_ticks
        self._subscribers, self._stop_requested = tuple(subscribers), stop_requested
        self._end_requested, self._preparation = end_requested, Preparation(ready)
        self._instructions = Instructions() if instructions is None else instructions
        self._events = events or LoopEvents()
        self._executor = ChunkExecutor(robot.control_hz, blend_ticks=blend_ticks)
        self._pacer = Pacer(robot.control_hz)
        self._report = LoopReport()
        self._plan = PlanFollower(self._begin, self._report_end)
        self._plan_request = self._policy_request = 0

    @Prompt(NICENESS)
    def move_to(self, pose: NDArray, speed: float = SPEED) -> bool:
        """Move the joints on a straight line to ``pose`` (n,); return whether they have got there.

        Args:
            pose: where to go.
            speed: of the joint that has furthest to go [units/s].

        Raises:
            RobotError: the robot cannot be read at all.
        """
        begun = self._pacer.wait()
        way = Approach(self._robot.observe(begun, images=False)[0].state, pose, speed, begun)
        while True:
            now = self._pacer.wait()
            seen, fresh = self._robot.observe(now, images=False)
            if cause := self._stop_requested():
                self._safety.stop(cause)
            action = self._safety.guard(way.at(now) if fresh else None, seen, now, None)
            self._robot.send(action, now, fresh=fresh)
            if self._safety.stopped and self._safety.at_rest:
                return False
            if way.over(now):
                return distance(seen.state, pose) < ARRIVED

    def instruct(self, instruction: str) -> int:
        """Have the run carry out another instruction instead, from the next tick on; from any thread.

        Returns:
            The number of the instruction, by which events and planners know it.
        """
        return self._instructions.put(instruction)

    def look(self) -> Future[Observation]:
        """Ask for what the robot senses in the next tick of `run` or `idle`, frames included; from any thread."""
        return self._robot.look()

    @Prompt(NICENESS)
    def idle(self, until: Callable[[], bool]) -> None:
        """Hold the arm until something is to be done. To one that is stopped, and rests, nothing is sent.

        Args:
            until: asked every tick; whether to return.

        Raises:
            RobotError: the robot cannot be read at all.
        """
        while not until():
            self._pacer.forget()
            now = self._pacer.wait()
            self._events.ticked(now, self._pacer.lateness[-1], self._pacer.missed)
            self._notice_stop()
            seen, fresh = self._robot.observe(now, images=False)
            action = self._safety.guard(None, seen, now, None)
            resting = self._safety.stopped and self._safety.at_rest
            self._robot.send(None if resting else action, now, fresh=fresh)

    @Prompt(NICENESS)
    def run(self, instruction: str | None, max_seconds: float) -> LoopReport:
        """Carry out an instruction; returns with the arm at rest.

        Args:
            instruction: in plain words; None for the oldest that `instruct` was given.
            max_seconds: time limit of an instruction [s].

        Raises:
            RobotError: the robot cannot be read at all.
        """
        report = self._report = LoopReport()
        self._ended_subgoals: list[SubgoalResult] = []
        self._pacer.forget()
        if instruction is not None:
            self._instructions.put(instruction)
        self._start_instruction()
        begun: float | None = None
        instructed_at = 0.0
        missed = self._pacer.missed
        ending_at: float | None = None
        while True:
            now = self._pacer.wait()
            if begun is None:
                begun = instructed_at = now
            while self._instructions and ending_at is None:
                self._plan.end_subgoal("failed", now, "another instruction")
                self._ended_subgoals += self._plan.history
                self._events.finished("superseded", "another instruction")
                self._start_instruction()
                instructed_at = now
            self._events.ticked(now, self._pacer.lateness[-1], self._pacer.missed)
            if ending_at is None and (reason := self._why_end(now - instructed_at, max_seconds)) is not None:
                report.reason, ending_at = reason, now
            if ending_at is not None and (self._safety.at_rest or now - ending_at > SETTLE_SECONDS):
                break
            self._tick(now, moving=ending_at is None)
        self._plan.end_subgoal("timeout", now, report.reason or "done")
        report.lateness = self._pacer.lateness
        report.ticks, report.elapsed = len(report.lateness), now - begun
        report.missed = self._pacer.missed - missed
        report.done = self._plan.ended and not self._plan.refused and not report.reason
        report.refused = self._plan.refused and not self._plan.history
        report.subgoals = (*self._ended_subgoals, *self._plan.history)
        report.restarts = {sidecar.name: sidecar.restarts for sidecar in (self._policy, self._planner)}
        return report

    def _start_instruction(self) -> None:
        """Take the next instruction, and forget what was planned for another, on its way here included."""
        self._episode, self._instruction = self._instructions.take()
        self._plan, self._attempt = PlanFollower(self._begin, self._report_end), Attempt()
        self._next_question, self._first_plan = 0.0, self._plan_request + 1
        self._planner_restarts = self._planner.restarts
        self._preparation.restart()
        self._forget_chunks()
        self._events.accepted(self._episode, self._instruction)
        for subscriber in self._subscribers:
            subscriber.on_start(self._instruction)

    def _why_end(self, elapsed: float, max_seconds: float) -> str | None:
        """Return why the run is over, "" if it is done, None if it goes on."""
        if self._notice_stop():
            return self._safety.stopped
        if reason := self._end_requested():
            return reason
        if self._planner.restarts > self._planner_restarts or self._planner.dead:
            return "the planner died"
        if self._policy.state == "failed":
            return "the policy cannot be started again"
        if self._plan.ended:
            return self._plan.reason
        return f"time limit of {max_seconds:g} s" if elapsed >= max_seconds else None

    def _notice_stop(self) -> bool:
        """Return whether the arm is stopped for good."""
        if cause := self._stop_requested():
            self._safety.stop(cause)
        if self._safety.stopped:
            self._events.stopped(self._safety.stopped)
        return bool(self._safety.stopped)

    def _tick(self, now: float, *, moving: bool) -> None:
        prepared, moved = self._preparation.over, self._preparation.moves
        acting = moving and prepared and self._plan.subgoal is not None and not self._attempt.over
        policy_due = acting and self._policy.free and self._chunk_is_due(now)
        planner_due = moving and prepared and self._planner.free and now >= self._next_question
        watched = any(subscriber.wants_frames for subscriber in self._subscribers)
        observation, fresh = self._robot.observe(now, images=policy_due or planner_due or watched)
        if moving:
            self._take_answers(now)
            if self._policy.dead:  # nobody looks ahead any more: what is left of its chunk is not played
                self._forget_chunks()
            if not self._attempt.over and self._plan.check_time_limit(now):
                self._next_question = now
                self._forget_chunks()
        if planner_due and fresh:
            request = PlannerRequest(observation, self._instruction, tuple(self._plan.history), self._episode)
            self._plan_request = self._planner.submit(request)
            self._attempt.asked(self._plan_request)
            self._next_question = now + self._planner_period
        subgoal = self._plan.subgoal if fresh else None
        way = self._preparation.next(observation.state, self._robot.sent, now) if moving and fresh else None
        if moved and way is None:  # with the arm out of the way it may be seen that nothing is left to do
            self._next_question = now
        if moving and subgoal is not None and way is None and self._attempt.see(observation.state):
            self._next_question = now
            self._forget_chunks()
        if policy_due and subgoal is not None and self._preparation.over and not self._attempt.over:
            self._policy_request = self._policy.submit((observation.at_frames(), subgoal))
        proposal = self._executor.action_at(now) if moving and subgoal is not None and way is None else way
        if moving and way is None:
            self._note_action(proposal, now, fresh=fresh)
        action = self._safety.guard(proposal, observation, now, self._executor.planned_at)
        for subscriber in self._subscribers:
            subscriber.on_tick(observation, subgoal, action)
        self._robot.send(action, now, fresh=fresh)

    def _note_action(self, proposal: NDArray | None, now: float, *, fresh: bool) -> None:
        if proposal is not None:
            self._events.acts()
            return
        self._report.held += 1
        if not fresh:
            reason = "the robot cannot be read"
        elif self._plan.subgoal is None:
            reason = self._plan.unclear or "the planner has not answered"
        elif self._attempt.over:
            reason = "the planner has not looked at what has come of it"
        else:
            reason = f"the policy {'has died' if self._policy.dead else 'has not answered'}"
        self._events.waits(reason, now)

    def _note_fault(self, fault: str) -> None:
        self._report.faults[fault] += 1
        self._events.failed("robot", fault)

    def _chunk_is_due(self, now: float) -> bool:
        planned_at = self._executor.planned_at
        return planned_at is None or (now - planned_at) * self._control_hz >= self._replan_ticks

    def _take_answers(self, now: float) -> None:
        while reply := self._planner.poll():
            self._note("planner", reply, self._report.planner_seconds)
            if reply.result is not None and reply.request >= self._first_plan and not self._plan.ended:
                self._plan.follow(reply.result, now)
            self._attempt.answered(reply.request)
        while reply := self._policy.poll():
            self._note("policy", reply, self._report.policy_seconds)
            if reply.result is not None and reply.request >= self._first_chunk:
                self._executor.load(reply.result, now)

    def _note(self, part: Literal["planner", "policy"], reply: Reply[Any], seconds: list[float]) -> None:
        if reply.error:
            self._report.errors.append(reply.error)
            self._events.failed(part, reply.error)
        else:
            seconds.append(reply.seconds)
            self._events.answered(part, reply.seconds)

    def _begin(self, subgoal: Subgoal) -> None:
        self._attempt.begin()
        self._preparation.begin(subgoal, again=self._plan.failed_last)
        self._forget_chunks()
        self._events.planned(subgoal)

    def _forget_chunks(self) -> None:
        """Drop what was planned for another subgoal, on its way here included."""
        self._executor.drop()
        self._first_chunk = self._policy_request + 1

    def _report_end(self, result: SubgoalResult) -> None:
        self._events.ended(result)
        for subscriber in self._subscribers:
            subscriber.on_subgoal_end(result)
