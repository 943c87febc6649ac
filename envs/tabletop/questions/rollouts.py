"""The expert's attempt at some steps, as snapshots that the world can be taken back to."""

from __future__ import annotations

from dataclasses import dataclass, field

import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.tabletop.oracle import LIFTED, OraclePlanner, as_subgoal
from envs.tabletop.questions.drawing import Draw
from envs.tabletop.simulation import TabletopSimulation
from envs.tabletop.world import World
from vla.language import Step
from vla.types import Done, Subgoal

PERIOD = 3
"""Control ticks between snapshots."""
LONGEST = 1200
"""Control ticks after which an episode ends in any case."""
MISTAKE = 0.25
"""Probability that the expert begins a pick with the wrong object."""


@dataclass(frozen=True)
class Snapshot:
    """The state of an episode when the planner has just been asked."""

    qpos: NDArray[np.float64]
    qvel: NDArray[np.float64]
    ticks: int
    lit: bool
    plan: Step | None
    """What the oracle says is to be pursued now; None when everything is done."""
    pursued: Step | None
    """What has been pursued until now; the same as ``plan`` unless that ends now. None before the first answer."""
    began: int
    """Index of the snapshot in which ``pursued`` began."""
    reached: tuple[Step, ...]
    """Steps that ended before, and hold or have been put to use."""
    failed: tuple[Step, ...]
    """Attempts that came to nothing."""

    @property
    def turning(self) -> bool:
        """Whether what is pursued changes now."""
        return self.plan != self.pursued


def roll_out(
    simulation: TabletopSimulation, steps: tuple[Step, ...], draw: Draw, *, least: int, perturb: float
) -> list[Snapshot]:
    """Let the expert carry out steps, and return at least ``least`` snapshots."""
    return _Rollout(simulation, steps, draw, perturb).run(least)


def restore(world: World, snapshot: Snapshot) -> None:
    """Take the world back to a snapshot of its episode."""
    world.data.qpos[:], world.data.qvel[:] = snapshot.qpos, snapshot.qvel
    world.ticks = snapshot.ticks
    world.light_button(snapshot.lit)
    mujoco.mj_forward(world.model, world.data)


@dataclass
class _Rollout:
    simulation: TabletopSimulation
    steps: tuple[Step, ...]
    draw: Draw
    perturb: float
    reached: list[Step] = field(default_factory=list)
    failed: list[Step] = field(default_factory=list)
    pursued: Step | None = None
    mistake: Step | None = None
    """What the expert does instead."""
    began: int = 0
    deadline: float = np.inf
    """Time at which the attempt at ``pursued`` has failed [s]."""

    def run(self, least: int) -> list[Snapshot]:
        simulation, world = self.simulation, self.simulation.world
        oracle = OraclePlanner(world, self.steps)
        expert = simulation.expert(perturb=self.perturb)
        snapshots: list[Snapshot] = []
        command = world.command
        while world.ticks < LONGEST:
            if world.ticks % PERIOD == 0:
                plan = oracle.plan(simulation.observe(images=False), "", ())
                step = None if isinstance(plan, Done) else Step(plan.skill, plan.object, plan.place)
                snapshots.append(self.snapshot(step))
                if step is None and len(snapshots) >= least:
                    break
                begun = self.follow(step, len(snapshots) - 1)
                if begun is not None:
                    expert.reset(begun)
            if self.pursued is not None:
                expert.act()
                command = expert.executed
            simulation.step(command)
        return snapshots

    def snapshot(self, plan: Step | None) -> Snapshot:
        world = self.simulation.world
        qpos, qvel = world.data.qpos.copy(), world.data.qvel.copy()
        ended = tuple(self.reached), tuple(self.failed)
        return Snapshot(qpos, qvel, world.ticks, world.button_pressed, plan, self.pursued, self.began, *ended)

    def follow(self, step: Step | None, index: int) -> Subgoal | None:
        """Take in the oracle's answer; return what the expert is to begin, or None to let it carry on."""
        world, previous = self.simulation.world, self.pursued
        if step == previous:
            if step is None or not (world.time > self.deadline or self.mistaken()):
                return None
            self.failed.append(step)
            return self.begin(step, index, mistake=False)
        if previous is not None:
            if step is not None and step in self.reached:  # lost
                self.failed.append(previous)
                self.reached.remove(step)
            else:
                self.reached.append(previous)
        if step is None:
            self.pursued, self.began = None, index
            return None
        return self.begin(step, index, mistake=self.perturb > 0 and self.draw.chance(MISTAKE))

    def begin(self, step: Step, index: int, *, mistake: bool) -> Subgoal:
        world = self.simulation.world
        subgoal = as_subgoal(world, step)
        self.pursued, self.began, self.mistake = step, index, None
        self.deadline = world.time + subgoal.time_limit
        others = [item.phrase for item in world.scene.items if item.movable and item.phrase != step.object]
        if mistake and others and step.skill == "pick":
            self.mistake = Step("pick", self.draw.one(others))
            return as_subgoal(world, self.mistake)
        return subgoal

    def mistaken(self) -> bool:
        """Whether the wrong object has been picked up by now."""
        world, wrong = self.simulation.world, self.mistake
        return wrong is not None and world.holds(wrong.object) and bool(world.position(wrong.object)[2] > LIFTED + 0.01)
