"""The released vision-language model plans in the simulator."""

from __future__ import annotations

import pytest

from envs.tabletop.simulation import TabletopSimulation
from vla.planner.backends import VlmConfig, load_chat
from vla.planner.chat import Chat
from vla.planner.vlm import VlmPlanner
from vla.types import Refuse, Subgoal

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def chat() -> Chat:
    return load_chat(VlmConfig(device="cpu"))


@pytest.mark.parametrize(("task", "seed"), [("pick", 3), ("place", 4), ("push", 5), ("press", 6)])
def test_the_first_step_is_what_the_oracle_would_do(chat: Chat, task: str, seed: int) -> None:
    simulation = TabletopSimulation(level="low")
    simulation.reset(task, seed, wording="train")
    observation = simulation.observe()
    wanted = simulation.oracle().plan(observation, "", ())
    plan = VlmPlanner(chat).plan(observation, simulation.instruction, ())
    assert isinstance(plan, Subgoal) and isinstance(wanted, Subgoal)
    assert plan.text == wanted.text
    assert plan.box is not None and wanted.box is not None
    (x, y), (u, v) = plan.box.center, wanted.box.center
    assert abs(x - u) < 0.05 and abs(y - v) < 0.05


def test_what_is_not_there_is_refused(chat: Chat) -> None:
    simulation = TabletopSimulation(level="low")
    simulation.reset("press", 1)
    assert "red cube" not in simulation.world.scene.phrases
    plan = VlmPlanner(chat).plan(simulation.observe(), "pick up the red cube", ())
    assert plan == Refuse("there is no red cube")
