"""Episodes to views: frames of some moments, the regions in them, and all questions."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from envs.tabletop.model import FRONT_CAMERA
from envs.tabletop.questions.changes import changes
from envs.tabletop.questions.counting import counts
from envs.tabletop.questions.descriptions import captions, colours, existence
from envs.tabletop.questions.drawing import Draw, Split
from envs.tabletop.questions.episodes import (
    TABLE_TASK,
    arrange,
    draw_assignment,
    draw_table,
    in_order,
    source_of_chance,
)
from envs.tabletop.questions.facts import Facts, look
from envs.tabletop.questions.instructions import PICK
from envs.tabletop.questions.moments import Moment, choose
from envs.tabletop.questions.places import groundings
from envs.tabletop.questions.plans import new_instruction, plans
from envs.tabletop.questions.progress import progress
from envs.tabletop.questions.refusals import refusals
from envs.tabletop.questions.relations import relations
from envs.tabletop.questions.rewording import reword
from envs.tabletop.questions.rollouts import Snapshot, restore, roll_out
from envs.tabletop.questions.sign_questions import NEUTRAL, draw_sign, signs
from envs.tabletop.questions.signs import lay_down, paint
from envs.tabletop.questions.states import states
from envs.tabletop.simulation import TabletopSimulation
from envs.tabletop.world import CAMERAS
from vla.language import Step
from vla.vlm.examples import Question, Region, View
from vla.vlm.prompts import BEFORE

FRONT_BEFORE = FRONT_CAMERA + BEFORE
TABLES = 0.45
"""Share of the episodes that belong to no task of the suite."""
SIGNS = 0.25
"""Share of the views with a printed sign."""
FAMILIES = (
    captions,
    existence,
    colours,
    counts,
    counts,
    relations,
    relations,
    relations,
    relations,
    states,
    changes,
    groundings,
    plans,
    progress,
    refusals,
)


def make_views(
    simulation: TabletopSimulation, seed: int, split: Split, count: int, *, perturb: float = 1.0
) -> tuple[View, ...]:
    """Return views of the episode of ``seed``; see `TabletopSimulation.views`."""
    draw = Draw(source_of_chance(seed, split), split)
    instruction, steps = begin(simulation, seed, draw)
    snapshots = roll_out(simulation, steps, draw, least=2 * count, perturb=perturb)
    taker = _Taker(simulation, snapshots, instruction, steps, draw)
    return tuple(taker.take(snapshot) for snapshot in choose(snapshots, count, draw))


def begin(simulation: TabletopSimulation, seed: int, draw: Draw) -> tuple[str, tuple[Step, ...]]:
    """Set the table; return instruction and steps."""
    if not draw.chance(TABLES):
        task, assignment = draw_assignment(seed, draw)
        simulation.start(assignment.scene, task, seed)
        return reword(assignment.instruction, draw), in_order(simulation.world, task, assignment.steps)
    scene, places = draw_table(draw)
    simulation.start(scene, TABLE_TASK, seed)
    world = simulation.world
    arrange(world, places, draw)
    now = look(world)
    nothing = Snapshot(world.data.qpos, world.data.qvel, 0, False, None, None, 0, (), ())
    asked = new_instruction(Moment(world, now, now, nothing, "", ()), draw)
    if asked is not None and asked.steps:
        return reword(asked.text, draw), asked.steps
    thing = draw.one([movable for movable in now.movables if not now.at(movable.phrase)])
    return reword(draw.words(PICK, thing=f"the {thing.phrase}"), draw), (Step("pick", thing.phrase),)


class _Taker:
    """Takes views of one episode."""

    def __init__(
        self,
        simulation: TabletopSimulation,
        snapshots: list[Snapshot],
        instruction: str,
        steps: tuple[Step, ...],
        draw: Draw,
    ) -> None:
        self._simulation, self._world = simulation, simulation.world
        self._snapshots, self._instruction, self._steps, self._draw = snapshots, instruction, steps, draw
        self._facts: dict[int, Facts] = {}

    def take(self, snapshot: Snapshot) -> View:
        world, draw = self._world, self._draw
        before = self._look(self._snapshots[snapshot.began])
        now = self._look(snapshot)
        restore(world, snapshot)
        moment = Moment(world, now, before, snapshot, self._instruction, self._steps)
        sign = draw_sign(now, draw) if draw.chance(SIGNS) else None
        card = lay_down(world, sign.text, draw) if sign else None
        frames = {camera: world.render(camera) for camera in CAMERAS}
        questions = self._questions(moment)
        texts = NEUTRAL.train if draw.split == "train" else NEUTRAL.test
        questions += signs(moment, sign if card else None, texts, draw)
        if card is not None:
            frames = {camera: paint(world, camera, frame, card) for camera, frame in frames.items()}
        restore(world, self._snapshots[snapshot.began])
        frames[FRONT_BEFORE] = world.render(FRONT_CAMERA)
        if card is not None:
            frames[FRONT_BEFORE] = paint(world, FRONT_CAMERA, frames[FRONT_BEFORE], card)
        return View(
            images=tuple(encode(frame) for frame in frames.values()),
            cameras=tuple(frames),
            questions=tuple(questions),
            regions=tuple(
                Region(thing.phrase, thing.box, round(thing.visible, 3), now.state(thing))
                for thing in now.things
                if thing.box and thing.visible
            ),
            seed=self._simulation.seed,
            task=f"{self._simulation.suite}/{self._simulation.task}",
            time=snapshot.ticks / world.control_hz,
        )

    def _questions(self, moment: Moment) -> list[Question]:
        skipped = () if moment.consistent else (plans, progress)
        found = [question for family in FAMILIES if family not in skipped for question in family(moment, self._draw)]
        return list({(question.kind, question.prompt): question for question in found}.values())

    def _look(self, snapshot: Snapshot) -> Facts:
        """Return what is true in a snapshot; subgoals share the one in which they began."""
        if snapshot.ticks not in self._facts:
            restore(self._world, snapshot)
            self._facts[snapshot.ticks] = look(self._world)
        return self._facts[snapshot.ticks]


def encode(frame: NDArray[np.uint8]) -> bytes:
    """Return a frame (H, W, 3) as JPEG with colours at full resolution: objects are some ten pixels wide."""
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()
