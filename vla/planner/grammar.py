"""The grammar planner: reads the instruction with a grammar, finds things by colour, checks each step by looking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from vla.errors import InstructionError
from vla.language import SHAPES, Clause, Selector, Step, expand, parse
from vla.planner.grounding import Detection, Detector
from vla.planner.grounding.tracker import Tracker
from vla.planner.outcomes import OutcomeChecks
from vla.rest import Rest
from vla.types import Box, Done, Observation, Plan, Refuse, Subgoal, SubgoalResult

TIME_LIMITS = {"pick": 12.0, "place": 10.0, "stack": 10.0, "push": 12.0, "press": 10.0}
"""Time limit of a subgoal a skill [s]."""


@dataclass(frozen=True)
class GrammarConfig:
    """Calibration of the grammar planner."""

    detector: Detector = field(default_factory=Detector)
    checks: OutcomeChecks = field(default_factory=OutcomeChecks)
    left_ready: float = 10.0
    """Largest joint distance from the ready pose from which on the arm has left it [deg]."""
    at_ready: float = 7.0
    """Largest joint distance from the ready pose up to which the arm is back [deg]."""
    attempts: int = 3
    """How often a step is tried before the planner gives up."""
    unsure: float = 0.06
    """A shape less certain than this is believed to be what the instruction calls it."""
    push_distance: float = 0.06
    """How far a push is meant to go [m]."""
    time_limits: Mapping[str, float] = field(default_factory=lambda: TIME_LIMITS)


class GrammarPlanner:
    """Plans from the user's words, the front camera and proprioception; implements :class:`vla.types.Planner`.

    The first call must see the arm at its ready pose: objects are found then, and the pose is what later counts as
    "back". A step has ended when the arm has left the ready pose and come back; then the picture tells whether it has
    worked. A step that has not is tried again, a lost object is picked up again.
    """

    def __init__(self, config: GrammarConfig | None = None) -> None:
        self.config = config or GrammarConfig()
        self.reset()

    def reset(self) -> None:
        """Forget the previous episode."""
        self._steps: tuple[Step, ...] = ()
        self._index = 0
        self._tracker: Tracker | None = None
        self._rest = Rest(self.config.left_ready, self.config.at_ready)
        self._has_failed = False
        self._started = -1
        self._box_at_start: Box | None = None
        self._failures: Counter[int] = Counter()
        self._seen_results = 0

    def plan(self, observation: Observation, instruction: str, history: Sequence[SubgoalResult]) -> Plan:
        """Return the subgoal to pursue, ``Done``, or ``Refuse`` with what is wrong with the instruction."""
        camera = self.config.detector.camera
        if camera not in observation.images:
            return Refuse(
                f"there is no picture of camera {camera!r}; cameras: {', '.join(observation.images) or 'none'}"
            )
        self._rest.see(observation.state)
        assert self._rest.pose is not None
        self._grip = self.config.checks.grip(float(observation.state[-1]), float(self._rest.pose[-1]))
        if self._tracker is None:
            try:
                self._begin(observation, instruction)
            except InstructionError as error:
                return Refuse(str(error))
        elif refusal := self._follow(observation, history):
            return refusal
        if self._index == len(self._steps):
            return Done(f"{len(self._steps)} steps carried out")
        return self._subgoal()

    def _begin(self, observation: Observation, instruction: str) -> None:
        clauses = parse(instruction)
        things = self.config.detector.all_things(observation.images[self.config.detector.camera])
        things = name_as_asked(things, clauses, self.config.unsure)
        self._steps = expand(clauses, [thing.phrase for thing in things])
        self._tracker = Tracker(self.config.detector, things)

    def _follow(self, observation: Observation, history: Sequence[SubgoalResult]) -> Refuse | None:
        """Take in a new observation, and move on to the step that is due now."""
        assert self._tracker is not None
        image = observation.images[self.config.detector.camera]
        self._tracker.update(image, at_ready=self._rest.there)
        failed = any(result.outcome == "timeout" for result in history[self._seen_results :])
        self._seen_results = len(history)
        self._has_failed = False
        step = self._steps[self._index]
        if self._rest.there:
            has_left = self._rest.has_left
            self._rest.begin()
            if self.config.checks.reached(step, self._tracker, image, self._grip, self._box_at_start, has_left):
                self._index += 1
                return None
            failed = failed or has_left
        let_go = self._rest.there and self._grip.is_open
        lost = let_go and step.skill in ("place", "stack")
        self._has_failed = failed or lost
        if lost:
            self._index -= 1
        if failed:
            self._failures[self._index] += 1
            if self._failures[self._index] == self.config.attempts:
                return Refuse(f"could not {step.text} in {self.config.attempts} attempts")
        return None

    def _subgoal(self) -> Subgoal:
        assert self._tracker is not None
        step = self._steps[self._index]
        if self._started != self._index:
            self._started = self._index
            self._box_at_start = self._tracker.box(step.object)
        return Subgoal(
            text=step.text,
            skill=step.skill,
            object=step.object,
            place=step.place,
            box=self._target(step),
            question=step.question,
            time_limit=self.config.time_limits[step.skill],
            ahead=tuple(later.text for later in self._steps[self._index + 1 :]),
            after="failed" if self._has_failed else "reached",
            grip=self._grip.before(step.skill),
        )

    def _target(self, step: Step) -> Box | None:
        """Return the box of what is approached, or where a push is to lead."""
        assert self._tracker is not None
        if step.skill == "push" and self._box_at_start is not None:
            detector = self.config.detector
            offset = self.config.push_distance * detector.view.direction(step.place or "")
            return detector.view.moved_box(self._box_at_start, offset, detector.size / 2)
        return self._tracker.box(step.approached)


def name_as_asked(things: Sequence[Detection], clauses: Sequence[Clause], unsure: float) -> list[Detection]:
    """Give things of doubtful shape the shape that the instruction gives to their colour.

    Args:
        things: what was found.
        clauses: the instruction.
        unsure: shapes with a smaller ``cubeness``, whatever its sign, are doubtful.
    """
    named = [selector for clause in clauses for selector in (*clause.objects, clause.place)]
    asked = {
        f"{selector.colour} {selector.kind}": selector
        for selector in named
        if isinstance(selector, Selector) and selector.colour and selector.kind in SHAPES
    }
    found = list(things)
    for phrase, selector in asked.items():
        same_colour = [thing for thing in found if thing.colour == selector.colour]
        if phrase in [thing.phrase for thing in found] or len(same_colour) != 1:
            continue
        (thing,) = same_colour
        if abs(thing.cubeness) < unsure and thing.phrase not in asked and selector.kind:
            found[found.index(thing)] = replace(thing, kind=selector.kind)
    return found
