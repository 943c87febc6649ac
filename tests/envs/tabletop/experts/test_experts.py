"""The experts' demonstrations: they work, and their actions are what a learner can imitate."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from envs.tabletop.experts import motion, touching
from vla.cli.rollouts import PlannerSpec, Rollouts, RolloutSpec
from vla.runtime.actors import ExpertActor, Motion
from vla.runtime.episode import run_episode
from vla.types import EpisodeResult, Observation, Subgoal, SubgoalResult

SKILLS = ("pick", "place", "stack", "push", "press")
LARGEST_CHANGE = motion.TOP_JOINT_RATE / 30 + 5.0
"""Of a joint's command in one tick [deg]; the gravity compensation comes on top of the rate."""


class Recorder:
    """Keeps the clean actions and the measured states of each subgoal."""

    def __init__(self) -> None:
        self.wants_frames = False
        self.actions: dict[str, list[np.ndarray]] = {}
        self.states: dict[str, list[np.ndarray]] = {}

    def on_start(self, instruction: str) -> None: ...

    def on_tick(self, observation: Observation, subgoal: Subgoal | None, action: np.ndarray | None) -> None:
        if subgoal and action is not None:
            self.actions.setdefault(subgoal.text, []).append(action.copy())
            self.states.setdefault(subgoal.text, []).append(observation.state.copy())

    def on_subgoal_end(self, result: SubgoalResult) -> None: ...

    def on_end(self, result: EpisodeResult) -> None: ...


@cache
def rollouts(perturb: float) -> Rollouts:
    return Rollouts(RolloutSpec("tabletop", PlannerSpec("oracle", period=0.5), perturb=perturb))


def demonstrate(task: str, seed: int, perturb: float = 0.0) -> tuple[EpisodeResult, Recorder]:
    recorder = Recorder()
    return rollouts(perturb).run(task, seed, [recorder]), recorder


@pytest.mark.parametrize("task", SKILLS)
def test_every_skill_succeeds_and_repeats_itself(task: str) -> None:
    result, recorder = demonstrate(task, 7)
    assert result.success, result.reason
    again, recorder_again = demonstrate(task, 7)
    assert again.steps == result.steps
    for text, actions in recorder.actions.items():
        np.testing.assert_array_equal(actions, recorder_again.actions[text])


@pytest.mark.parametrize("task", SKILLS)
def test_labels_do_not_jump_however_the_arm_is_disturbed(task: str) -> None:
    for seed in (0, 1):
        _, recorder = demonstrate(task, seed, perturb=1.4)
        for text, actions in recorder.actions.items():
            changes = np.abs(np.diff(actions, axis=0))[:, :5]
            assert changes.max() < LARGEST_CHANGE, text


@pytest.mark.parametrize(("task", "during"), [("push", touching.FORK[0]), ("press", motion.CLOSED)])
def test_the_gripper_tells_whether_a_push_or_a_press_is_done(task: str, during: float) -> None:
    result, recorder = demonstrate(task, 3)
    assert result.success
    (states,) = recorder.states.values()
    openings = np.array(states)[:, 5]
    assert openings[0] == pytest.approx(motion.OPEN, abs=1.0)
    assert openings.min() < during + 2.0
    assert openings[-1] == pytest.approx(touching.DONE, abs=1.0)


def test_a_push_shows_in_the_gripper_how_far_it_has_come() -> None:
    _, recorder = demonstrate("push", 3)
    (actions,) = recorder.actions.values()
    openings = np.array(actions)[:, 5]
    pushing = openings[openings.argmin() :]
    pushing = pushing[pushing <= touching.FORK[1]]
    assert len(pushing) > 5
    assert (np.diff(pushing) >= -1e-3).all()


class Restarted(ExpertActor):
    """Begins its subgoal anew all the time, as after a policy's turn."""

    def act(self, observation: Observation, subgoal: Subgoal) -> Motion:
        if round(30 * observation.time) % 11 == 0:
            self.begin(subgoal)
        return super().act(observation, subgoal)


@pytest.mark.parametrize("task", SKILLS)
def test_an_expert_that_begins_in_the_midst_of_a_skill_goes_on_with_it(task: str) -> None:
    simulation = rollouts(0.0).simulation
    results, recorder = [], Recorder()
    for make in (ExpertActor, Restarted):
        simulation.reset(task, 7)
        actor = make(simulation.expert())
        results.append(
            run_episode(
                simulation,
                simulation.oracle(),
                actor,
                max_seconds=20.0,
                planner_period=0.5,
                subscribers=[recorder] if make is Restarted else [],
            )
        )
    whole, restarted = results
    assert restarted.success, restarted.reason
    assert restarted.steps < 1.5 * whole.steps
    for text, actions in recorder.actions.items():
        assert np.abs(np.diff(actions, axis=0))[:, :5].max() < LARGEST_CHANGE, text
