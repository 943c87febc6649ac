"""Moments of an episode, with everything that is true then."""

from __future__ import annotations

from dataclasses import dataclass, replace

from envs.tabletop.oracle import achieved
from envs.tabletop.questions.drawing import Draw
from envs.tabletop.questions.facts import Facts
from envs.tabletop.questions.rollouts import Snapshot
from envs.tabletop.scene import HALF_SIZE
from envs.tabletop.world import World
from vla.language import Step
from vla.vlm.prompts import Body, Situation


@dataclass(frozen=True)
class Moment:
    """What questions are made from. ``world`` is in the state of ``now``."""

    world: World
    now: Facts
    before: Facts
    """When the pursued subgoal began."""
    snapshot: Snapshot
    instruction: str
    steps: tuple[Step, ...]
    """What the instruction asks for."""

    def midway(self) -> Situation:
        """Return what a planner knows that has pursued the instruction so far."""
        reached, failed = (
            tuple(step.text for step in steps) for steps in (self.snapshot.reached, self.snapshot.failed)
        )
        return replace(self.at_outset(self.instruction), reached=reached, failed=failed)

    def at_outset(self, instruction: str) -> Situation:
        """Return what a planner knows that is given a new instruction now."""
        return Situation(instruction, body=self.body)

    @property
    def body(self) -> Body:
        """What the arm knows of itself."""
        return Body(self.now.opening, self.now.ready)

    def reached(self, step: Step) -> bool:
        """Whether a step counts as reached: its outcome holds, and the arm is back at the ready pose."""
        return self.now.ready and achieved(self.world, step)

    @property
    def consistent(self) -> bool:
        """Whether the state tells what the oracle said; contacts can flicker between two physics steps."""
        snapshot = self.snapshot
        if snapshot.pursued is None or snapshot.plan in snapshot.reached:
            return True
        return self.reached(snapshot.pursued) == snapshot.turning


def choose(snapshots: list[Snapshot], count: int, draw: Draw) -> list[Snapshot]:
    """Return some snapshots in their order: often the first, the last, and some in which a subgoal ends or begins."""
    turns = [index for index, snapshot in enumerate(snapshots) if snapshot.turning and index]
    wanted = [0] if draw.chance(0.6) else []
    wanted += [len(snapshots) - 1] if draw.chance(0.5) else []
    wanted += [
        index + after for index in draw.some(turns, count // 3) for after in ((0, 1) if draw.chance(0.3) else (0,))
    ]
    others = draw.some(range(len(snapshots)), len(snapshots))
    chosen = list(dict.fromkeys(index for index in [*wanted, *others] if index < len(snapshots)))
    return [snapshots[index] for index in sorted(chosen[:count])]


def due(world: World, steps: tuple[Step, ...]) -> Step | None:
    """Return the first of steps that is to be done, as if nothing had been reached yet; None if all is done.

    The gripper is empty, or holds the object of the first step and is at the ready pose.
    """
    put = {step.object for step in steps if step.skill in ("place", "stack")}
    for step in steps:
        if step.skill == "pick" and step.object in put:
            continue
        if achieved(world, step):
            continue
        if step.skill in ("place", "stack") and not world.holds(step.object):
            return Step("pick", step.object)
        return step
    return None


def can_be_told(moment: Moment, steps: tuple[Step, ...]) -> bool:
    """Whether it is clear what a new instruction is to begin with."""
    now = moment.now
    if not now.settled or (any(step.skill == "press" for step in steps) and now.lit):
        return False
    if now.hides(*(name for step in steps for name in (step.object, step.place))):
        return False
    if any(now.at(step.object) for step in steps if step.skill != "press"):
        return False  # something lies on what is to be moved
    for step in steps:
        shift = moment.world.displacement(step.object) if step.skill == "push" else (0.0,)
        if max(abs(value) for value in shift) > HALF_SIZE / 2:
            return False
    return now.held is None or (now.ready and bool(steps) and now.held.phrase == steps[0].object)
