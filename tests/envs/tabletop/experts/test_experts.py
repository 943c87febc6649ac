"""The experts' demonstrations: they work, and their actions are what a learner can imitate."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from envs.tabletop.experts import motion, touching
from envs.tabletop.model import body_name
from envs.tabletop.scene import PUSH_DISTANCE, PUSH_VECTORS
from envs.tabletop.world import READY_POSE
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


@pytest.mark.parametrize("task", ["push", "press"])
def test_skills_that_carry_nothing_end_as_they_begin_with_open_jaws(task: str) -> None:
    result, recorder = demonstrate(task, 3)
    assert result.success
    (states,) = recorder.states.values()
    openings = np.array(states)[:, 5]
    assert openings.min() < touching.FORK + 2.0
    assert openings[[0, -1]] == pytest.approx([motion.OPEN, motion.OPEN], abs=1.0)


@pytest.mark.parametrize("aside", [-0.03, 0.03])
def test_a_push_leads_to_the_same_place_from_wherever_the_object_has_got_to(aside: float) -> None:
    simulation: Any = rollouts(0.0).simulation
    simulation.reset("push", 7)
    world = simulation.world
    (step,) = simulation.steps
    way = PUSH_DISTANCE * np.array(PUSH_VECTORS[step.place or ""])
    destination = world.start_positions[step.object][:2] + way
    body = world.model.body(body_name(step.object))
    address = world.model.jnt_qposadr[body.jntadr[0]]
    world.data.qpos[address : address + 2] += aside * np.array([-way[1], way[0]]) / PUSH_DISTANCE
    result = run_episode(simulation, simulation.oracle(), ExpertActor(simulation.expert()), max_seconds=12.0)
    assert result.success, result.reason
    assert np.hypot(*(world.position(step.object)[:2] - destination)) < 0.02


def test_a_perturbed_demonstration_begins_subgoals_elsewhere_and_keeps_the_way_there_to_itself() -> None:
    starts, seen = [], 0
    for seed in range(6):
        result, recorder = demonstrate("pick", seed, perturb=1.0)
        if result.success:
            states = next(iter(recorder.states.values()))
            starts.append(states[0])
            seen += len(states) < result.steps
    assert 1 <= seen < 6
    elsewhere = [np.abs(start[:5] - READY_POSE[:5]).max() > 10.0 for start in starts]
    assert sum(elsewhere) == seen


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


@pytest.mark.parametrize(
    "subgoal",
    [
        Subgoal("pick up the zebra", "pick", "zebra"),
        Subgoal("push the zebra to the left", "push", "zebra", "left"),
        Subgoal("place the red cube in the mug", "place", "red cube", "mug"),
        Subgoal("stack the red cube on the zebra", "stack", "red cube", "zebra"),
        Subgoal("press the zebra", "press", "zebra"),
    ],
    ids=lambda subgoal: subgoal.skill,
)
def test_what_is_not_there_leaves_the_arm_at_rest(subgoal: Subgoal) -> None:
    simulation = rollouts(0.0).simulation
    simulation.reset("pick", 0)
    expert = simulation.expert()
    expert.reset(subgoal)
    first = expert.act()
    np.testing.assert_array_equal(first, expert.executed)
    np.testing.assert_array_equal(first, READY_POSE.astype(np.float32))
