"""The planner on a vision-language model: asks it for the next step, and whether the present one is reached.

What the model says is never the last word: a grammar holds its answers, code counts attempts, remembers what has been
verified, and leaves out steps about things, or with skills, that the instruction does not ask for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vla.errors import ConfigError, GroundingError, LinkError, PlanError
from vla.language import Step
from vla.planner.chat import Chat, Conversation
from vla.planner.grammar import TIME_LIMITS
from vla.planner.grip import EMPTY, OPEN, Grip
from vla.planner.grounding import CameraView
from vla.planner.mandate import Guard, Mandate, Unguarded
from vla.planner.monitor import ANSWERS, MEASURED, Monitor, Verdict
from vla.planner.outcomes import HAND, PushCheck, on_top, within
from vla.planner.phrases import step_question, step_text
from vla.rest import Rest
from vla.types import Box, Done, Hold, Observation, Plan, Refuse, Subgoal, SubgoalResult
from vla.vlm.prompts import BEFORE, DONE, Answer, Body, Situation, plan_question, progress_question


@dataclass(frozen=True)
class PlanningConfig:
    """How the planner goes about it, whatever the model.

    Raises:
        ConfigError: a number is below 1, or there is no camera.
    """

    cameras: tuple[str, ...] = ("front", "wrist")
    """What the model is shown; boxes are in the first, which must be there."""
    monitor: Monitor = field(default_factory=Monitor)
    attempts: int = 3
    """How often a step is tried before the planner gives up."""
    patience: int = 3
    """Calls in a row without an answer that can be followed before the planner gives up."""
    refresh: bool = True
    """Ask at each call where the thing is, so that the box follows it."""
    guard: bool = True
    """Follow no step about things, or with skills, that the instruction does not ask for."""
    at_rest: float = 7.0
    """How far each joint may be from where it was when the episode began, for the arm to be at rest."""
    judge_at_rest: bool = True
    """Look at what has come of a step only once the arm is at rest, or the time is up: what is under way may yet slip,
    and the next step begins where policies have learned to begin. False for policies that do not come back."""
    left_rest: float = 10.0
    """How far a joint must be from there for the arm to have left; back at rest, it has ended its attempt."""
    open: float = OPEN
    """Part of the opening when the episode began from which on the gripper is open."""
    empty: float = EMPTY
    """Opening below which a closed gripper holds nothing."""
    hand: tuple[float, float, float, float] = HAND
    """Where the first camera sees what is held while the arm is at rest: x0, y0, x1, y1."""
    push: PushCheck = field(default_factory=PushCheck)
    view: CameraView = field(default_factory=CameraView)
    """Where the first camera stands; for the box of a push."""
    object_size: float = 0.025
    """Height of a thing that is pushed [m]."""
    push_distance: float = 0.06
    """How far a push is meant to go [m]."""
    time_limits: Mapping[str, float] = field(default_factory=lambda: TIME_LIMITS)
    """Time limit of a subgoal a skill [s]."""

    def __post_init__(self) -> None:
        if not self.cameras:
            raise ConfigError("planner.cameras= names no camera; the first is the one that boxes are in")
        for name in ("attempts", "patience"):
            if getattr(self, name) < 1:
                raise ConfigError(f"planner.{name}={getattr(self, name)} must be at least 1")


class VlmPlanner:
    """Plans with a vision-language model; implements :class:`vla.types.Planner`.

    Args:
        chat: the model.
        config: how to use it.
    """

    def __init__(self, chat: Chat, config: PlanningConfig | None = None) -> None:
        self.chat, self.config = chat, config or PlanningConfig()
        self.reset()

    def reset(self) -> None:
        """Forget the previous episode."""
        self._step: Step | None = None
        self._subgoal: Subgoal | None = None
        self._before: NDArray[np.uint8] | None = None
        self._reached: list[Step] = []
        self._unverified: set[str] = set()
        self._failed: list[str] = []
        self._begun: Counter[str] = Counter()
        self._confirmed = 0
        self._doubts = 0
        self._seen_results = 0
        self._rest = Rest(self.config.left_rest, self.config.at_rest)
        self._box_at_start: Box | None = None
        self._push_starts: dict[str, Box | None] = {}
        self._after: Literal["reached", "failed"] = "reached"

    def plan(self, observation: Observation, instruction: str, history: Sequence[SubgoalResult]) -> Plan:
        """Return the subgoal to pursue; ``Hold`` while there is no answer that can be followed."""
        front = self.config.cameras[0]
        if front not in observation.images:
            return Refuse(
                f"there is no picture of camera {front!r}; cameras: {', '.join(observation.images) or 'none'}"
            )
        timed_out = self._timed_out(history)
        try:
            plan = self._plan(observation, " ".join(instruction.split()), timed_out)
        except ConfigError as error:
            return Refuse(str(error))
        except (PlanError, GroundingError, LinkError) as error:
            return self._with_verdict(self._doubt(str(error), timed_out))
        self._doubts = 0
        self._seen_results = len(history)
        return self._with_verdict(plan)

    def _plan(self, observation: Observation, instruction: str, timed_out: bool) -> Plan:
        pictures = {name: observation.images[name] for name in self.config.cameras if name in observation.images}
        front = observation.images[self.config.cameras[0]]
        before = front if self._before is None else self._before
        conversation = self.chat.look(pictures | {self.config.cameras[0] + BEFORE: before})
        body = self._feel(observation)
        doubtful: Step | None = None
        if self._subgoal is not None and self._step is not None:
            verdict = self._check(conversation, self._step, self._subgoal, body, at_once=timed_out)
            has_ended = timed_out or (self._rest.has_left and body.at_rest)
            if verdict is Verdict.REACHED:
                self._reached.append(self._step)
                self._push_starts.pop(step_text(self._step), None)
            elif has_ended and verdict is Verdict.NOT_REACHED:
                self._failed.append(self._subgoal.text)
                self._after = "failed"
            elif has_ended and verdict is Verdict.UNSURE:
                doubtful = self._step
            elif timed_out:
                return self._begin(conversation, self._step, self._subgoal.box, front)
            else:
                return self._refreshed(conversation, self._step, self._subgoal)
            self._subgoal = self._step = None
        guard: Guard = Mandate(instruction) if self.config.guard else Unguarded()
        if not doubtful and guard.is_finished(self._reached):
            return Done(self._report())
        reached = tuple(map(step_text, self._reached))
        question = plan_question(Situation(instruction, reached, tuple(self._failed), body))
        choices = set(guard.choices(self._reached))
        if self._after == "failed":  # what has just been seen to fail is not the end
            choices.discard(DONE)
        if body.at_rest and not self._grip.may_hold:
            choices -= {"place", "stack"}
        answer = conversation.plan(question, choices)
        if answer.step is not None and not guard.allows(answer.step, self._reached):
            # once more, with less to name
            answer = conversation.plan(question, choices, guard.phrases(self._reached))
        if guard.open_ended and DONE in choices and self._is_gone(conversation, answer.step):
            answer = Answer()
        if answer.refusal:
            return Refuse(answer.refusal)
        if doubtful:
            self._settle(doubtful, answer.step)
        if answer.step is None:
            return Done(self._report() or "there was nothing to do")
        if not guard.allows(answer.step, self._reached):
            raise PlanError(f"{step_text(answer.step)!r} is about something that the instruction does not ask for")
        return self._begin(conversation, answer.step, answer.box, front)

    def _is_gone(self, conversation: Conversation, step: Step | None) -> bool:
        """Whether a step after others begins with something that is not to be seen: then nothing is left to do."""
        if step is None or not self._reached or any(other.object == step.object for other in self._reached):
            return False
        return conversation.locate(step.approached) is None

    def _settle(self, doubtful: Step, following: Step | None) -> None:
        """Take what is to follow a doubtful subgoal as the answer: what has been tried before means that it failed."""
        if following is not None and self._begun[step_text(following)]:
            self._after = "failed"
        else:
            self._reached.append(doubtful)
            self._unverified.add(step_text(doubtful))

    def _report(self) -> str:
        """Return what has been reached, and of what that has not been seen for sure."""
        texts = map(step_text, self._reached)
        said = [f"{text} (not seen for sure)" if text in self._unverified else text for text in texts]
        return f"reached: {'; '.join(said)}" if said else ""

    def _with_verdict(self, plan: Plan) -> Plan:
        """Return the plan, with what has become of the subgoal before it."""
        after, self._after = self._after, "reached"
        return replace(plan, after=after) if isinstance(plan, Subgoal | Hold) else plan

    def _feel(self, observation: Observation) -> Body:
        """Return what the arm knows of itself; the episode's first observation is its rest."""
        self._rest.see(observation.state)
        assert self._rest.pose is not None
        opening = float(observation.state[-1])
        self._grip = Grip(opening, float(self._rest.pose[-1]), self.config.open, self.config.empty)
        return Body(opening, self._rest.there)

    def _check(self, conversation: Conversation, step: Step, subgoal: Subgoal, body: Body, *, at_once: bool) -> Verdict:
        """Return whether the subgoal is reached, confirmed as often as asked for."""
        if self.config.judge_at_rest and not body.at_rest and not at_once:
            return Verdict.OPEN
        if step.skill == "pick" and body.at_rest and not self._grip.may_hold:
            self._confirmed = 0
            return Verdict.NOT_REACHED
        verdict = self._measure(conversation, step, body, at_once=at_once)
        if verdict is None:
            question = progress_question(subgoal.question, body)
            verdict = self.config.monitor.judge(conversation.choose(question, ANSWERS))
        self._confirmed = self._confirmed + 1 if verdict is Verdict.REACHED else 0
        if verdict is Verdict.REACHED and self._confirmed < self.config.monitor.confirmations and not at_once:
            return Verdict.OPEN
        return verdict

    def _measure(self, conversation: Conversation, step: Step, body: Body, *, at_once: bool) -> Verdict | None:
        """Return whether a thing is where it was to go, from where the model sees it; None if it is to be asked."""
        if step.skill == "pick":
            thing = conversation.locate(step.object) if body.at_rest and self._grip.holds else None
            return Verdict.REACHED if thing is not None and within(thing, self.config.hand) else None
        if step.skill not in MEASURED:
            return None
        let_go = step.skill == "push" or self._grip.is_open
        if not let_go or not (body.at_rest or at_once):
            return Verdict.NOT_REACHED
        thing = conversation.locate(step.object)
        if step.skill == "stack":
            base = conversation.locate(step.place or "")
            return Verdict.REACHED if thing and base and on_top(thing, base) else None
        if thing is None or self._box_at_start is None:
            return Verdict.OPEN
        view, height = self.config.view, self.config.object_size / 2
        reached = self.config.push.reached(view, height, self._box_at_start, thing, step.place or "")
        return Verdict.REACHED if reached else Verdict.NOT_REACHED

    def _begin(self, conversation: Conversation, step: Step, box: Box | None, front: NDArray[np.uint8]) -> Plan:
        """Return the subgoal of a step, unless it has been tried often enough."""
        text = step_text(step)
        if self._begun[text] == self.config.attempts:
            parts = [f"could not {text} in {self.config.attempts} attempts", self._report()]
            return Refuse("; ".join(part for part in parts if part))
        self._begun[text] += 1
        box = box if box is not None and step.skill != "push" else conversation.locate(step.approached)
        if step.skill == "push":  # another attempt is to do what is left of the first
            box = self._push_starts[text] = self._push_starts.get(text) or box
        self._box_at_start = box
        self._rest.begin()
        if step.skill == "push" and box is not None:
            view = self.config.view
            offset = self.config.push_distance * view.direction(step.place or "")
            box = view.moved_box(box, offset, self.config.object_size / 2)
        self._step, self._before, self._confirmed = step, front.copy(), 0
        self._subgoal = Subgoal(
            text=text,
            skill=step.skill,
            object=step.object,
            place=step.place,
            box=None if box is None else replace(box, camera=self.config.cameras[0]),
            question=step_question(step),
            time_limit=self.config.time_limits[step.skill],
            grip=self._grip.before(step.skill),
        )
        return self._subgoal

    def _refreshed(self, conversation: Conversation, step: Step, subgoal: Subgoal) -> Subgoal:
        """Return the subgoal with the box of this moment; the one of a push, and of what is not seen, stays."""
        if self.config.refresh and step.skill != "push":
            box = conversation.locate(step.approached)
            if box is not None:
                subgoal = replace(subgoal, box=replace(box, camera=self.config.cameras[0]))
        self._subgoal = subgoal
        return subgoal

    def _timed_out(self, history: Sequence[SubgoalResult]) -> bool:
        text = self._subgoal.text if self._subgoal is not None else None
        return any(
            result.outcome == "timeout" and result.subgoal.text == text for result in history[self._seen_results :]
        )

    def _doubt(self, reason: str, timed_out: bool) -> Plan:
        """Return what to do without an answer: go on with what is pursued, or hold, until patience is at an end."""
        self._doubts += 1
        if self._doubts == self.config.patience:
            return Refuse(f"no plan in {self._doubts} attempts: {reason}")
        if self._subgoal is not None and not timed_out:
            return self._subgoal
        return Hold(reason)
