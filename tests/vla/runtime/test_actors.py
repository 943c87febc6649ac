from dataclasses import replace

import numpy as np
import pytest

from tests.helpers.toy_suite import ToyExpert, ToyPolicy, ToySimulation
from vla.runtime.actors import LONGEST_LEARNER_TURN, ExpertActor, PolicyActor, TakeoverActor
from vla.types import ActionChunk, Box, Observation, Subgoal

TICKS = 4 * LONGEST_LEARNER_TURN + 8


class PolicyToOrigin(ToyPolicy):
    """Acts unlike the expert, so that one sees who acted."""

    def predict_chunk(self, observation: Observation, subgoal: Subgoal) -> ActionChunk:
        super().predict_chunk(observation, subgoal)
        return ActionChunk(np.zeros((8, 2), np.float32), observation.time)


@pytest.fixture
def simulation() -> ToySimulation:
    simulation = ToySimulation()
    simulation.reset("hold", 5)
    return simulation


def turns(simulation: ToySimulation, policy_fraction: float, seed: int, subgoals: int = 40) -> list[int]:
    """Number of ticks of each subgoal that the policy acts; then the expert does, which alone is to be imitated."""
    actor = TakeoverActor(PolicyToOrigin(), simulation.expert(), simulation.control_hz, policy_fraction, seed)
    actor.reset()
    lengths = []
    for _ in range(subgoals):
        simulation.reset("hold", 5)
        subgoal = simulation.subgoal(0)
        actor.begin(subgoal)
        policy_acted = []
        for tick in range(TICKS):
            observation = simulation.observe(images=actor.wants_frames(tick / simulation.control_hz))
            motion = actor.act(observation, subgoal)
            policy_acted.append(bool((motion.executed == 0).all()))
            assert (motion.intended is None) == policy_acted[-1]
            simulation.step(motion.executed)
        length = sum(policy_acted)
        assert policy_acted == [True] * length + [False] * (TICKS - length)
        lengths.append(length)
    return lengths


def test_expert_keeps_the_clean_action_apart_from_the_executed_one(simulation: ToySimulation) -> None:
    actor = ExpertActor(simulation.expert(perturb=2.0))
    actor.begin(simulation.subgoal(0))
    motion = actor.act(simulation.observe(images=False), simulation.subgoal(0))
    np.testing.assert_array_equal(motion.intended, simulation.targets[0].astype(np.float32))
    assert motion.intended is not None
    assert not np.array_equal(motion.intended, motion.executed)


@pytest.mark.parametrize("boxes", [True, False])
def test_a_policy_is_told_where_the_thing_is_unless_boxes_are_withheld(
    simulation: ToySimulation, monkeypatch: pytest.MonkeyPatch, boxes: bool
) -> None:
    told: list[Subgoal] = []
    policy = ToyPolicy()

    def predict(observation: Observation, subgoal: Subgoal) -> ActionChunk:
        told.append(subgoal)
        return ActionChunk(np.zeros((8, 2), np.float32), observation.time)

    monkeypatch.setattr(policy, "predict_chunk", predict)
    subgoal = replace(simulation.subgoal(0), box=Box(0.1, 0.1, 0.2, 0.2))
    PolicyActor(policy, simulation.control_hz, boxes=boxes).act(simulation.observe(), subgoal)
    assert told == [subgoal if boxes else replace(subgoal, box=None)]


def test_the_expert_takes_over_after_whole_chunks(simulation: ToySimulation) -> None:
    lengths = turns(simulation, 0.5, seed=1)
    assert all(length % PolicyToOrigin.n_action_steps == 0 for length in lengths)
    assert 0 < sum(length > 0 for length in lengths) < len(lengths)
    assert len(set(lengths)) > 3


def test_takeover_at_its_ends_and_its_determinism(simulation: ToySimulation) -> None:
    assert not any(turns(simulation, 0.0, seed=1))
    assert all(turns(simulation, 1.0, seed=1))
    assert turns(simulation, 0.5, seed=2) == turns(simulation, 0.5, seed=2)
    assert turns(simulation, 0.5, seed=2) != turns(simulation, 0.5, seed=3)


def test_the_expert_starts_from_where_the_policy_has_left_the_arm(simulation: ToySimulation) -> None:
    begun_at: list[float] = []

    class Watched(ToyExpert):
        def reset(self, subgoal: Subgoal) -> None:
            begun_at.append(float(simulation.state[0]))
            super().reset(subgoal)

    actor = TakeoverActor(PolicyToOrigin(), Watched(simulation), simulation.control_hz, 1.0, seed=1)
    actor.reset()
    actor.begin(simulation.subgoal(0))
    while (motion := actor.act(simulation.observe(), simulation.subgoal(0))).intended is None:
        simulation.step(motion.executed)
    assert begun_at[0] == 50
    assert begun_at[1] < 50
