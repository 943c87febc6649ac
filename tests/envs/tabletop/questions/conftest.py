import json
from dataclasses import dataclass

import pytest

from envs.tabletop.questions.drawing import Draw, Split
from envs.tabletop.questions.episodes import source_of_chance
from envs.tabletop.questions.facts import look
from envs.tabletop.questions.moments import Moment, choose
from envs.tabletop.questions.rollouts import restore, roll_out
from envs.tabletop.questions.views import FAMILIES, begin
from envs.tabletop.simulation import TabletopSimulation
from vla.vlm.examples import Question


@dataclass(frozen=True)
class Asked:
    """A question with the moment that it is about; ``restore`` takes the world there."""

    moment: Moment
    question: Question
    split: Split

    @property
    def truth(self):
        return json.loads(self.question.truth)

    @property
    def world(self):
        restore(self.moment.world, self.moment.snapshot)
        return self.moment.world


@pytest.fixture(scope="session")
def simulations():
    made = []

    def make():
        made.append(TabletopSimulation(image_size=(96, 96), level="low"))
        return made[-1]

    yield make
    for simulation in made:
        simulation.close()


@pytest.fixture(scope="session")
def asked(simulations):
    """Questions of moments of both splits, from several episodes each."""
    found = []
    seeds: dict[Split, range] = {"train": range(5), "test": range(100, 103)}
    for split in seeds:
        for seed in seeds[split]:
            simulation = simulations()
            draw = Draw(source_of_chance(seed, split), split)
            instruction, steps = begin(simulation, seed, draw)
            snapshots = roll_out(simulation, steps, draw, least=8, perturb=1.0)
            world = simulation.world
            for snapshot in choose(snapshots, 4, draw):
                restore(world, snapshots[snapshot.began])
                before = look(world)
                restore(world, snapshot)
                moment = Moment(world, look(world), before, snapshot, instruction, steps)
                for family in FAMILIES:
                    if moment.consistent:
                        found += [Asked(moment, question, split) for question in family(moment, draw)]
    return found
