"""The planner as it runs in its process."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from envs.tabletop.simulation import TabletopSimulation
from tests.vla.planner.vlm_helpers import BOX, ScriptedChat
from vla.cli import assembly
from vla.cli.assembly import PlannerProcess, SceneQuestion
from vla.planner.vlm import VlmPlanner
from vla.runtime.partners import PlannerRequest
from vla.types import Observation, Subgoal

WORDS = "press the button"


def test_the_number_of_the_episode_decides_when_a_planner_begins_anew() -> None:
    simulation = TabletopSimulation()
    simulation.draw(42)
    observation = simulation.observe()
    simulation.close()
    plan = PlannerProcess("grammar", {})()

    def skill(words: str, episode: int) -> str:
        answer = plan(PlannerRequest(observation, words, (), episode))
        assert isinstance(answer, Subgoal)
        return answer.skill

    assert skill("press the button", 1) == "press"
    assert skill("pick up the red cube", 1) == "press"
    assert skill("pick up the red cube", 2) == "pick"
    assert skill("press the button", 3) == "press"


def test_a_planner_on_a_model_answers_questions_and_goes_on_planning(monkeypatch: pytest.MonkeyPatch) -> None:
    chat = ScriptedChat()
    monkeypatch.setattr(assembly, "make_planner", lambda *_: VlmPlanner(chat))
    work: Any = PlannerProcess("vlm", {})()
    frame = np.zeros((8, 8, 3), np.uint8)
    observation = Observation({"front": frame, "wrist": frame}, np.zeros(6, np.float32), 0.0)
    text, boxes = work(SceneQuestion(observation, "where is the red cube?"))
    assert text.startswith("the red cube: ")
    assert boxes == {"red cube": BOX}
    assert list(chat.looked[0]) == ["front", "wrist"]


def test_a_scene_can_be_aimed_at_another_instruction() -> None:
    simulation = TabletopSimulation()
    simulation.draw(42)
    assert simulation.succeeded()  # nothing is asked for
    simulation.aim(WORDS)
    assert not simulation.succeeded()
    simulation.world.light_button(True)
    assert simulation.succeeded()
    simulation.aim(WORDS)  # again
    assert not simulation.succeeded()
    simulation.aim("push the red cube to the left")
    np.testing.assert_allclose(simulation.world.displacement("red cube"), 0.0)
    simulation.close()
