import numpy as np
import pytest

from tests.helpers.toy_suite import ToyPolicy, ToySimulation
from vla.runtime.actors import ExpertActor, MixedActor
from vla.types import ActionChunk, Observation, Subgoal


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


def who_acts(simulation: ToySimulation, policy_fraction: float, seed: int, ticks: int = 2000) -> list[bool]:
    actor = MixedActor(PolicyToOrigin(), simulation.expert(), simulation.control_hz, policy_fraction, seed)
    simulation.reset("hold", 5)
    subgoal = simulation.subgoal(0)
    actor.reset()
    actor.begin(subgoal)
    policy_acted = []
    for tick in range(ticks):
        observation = simulation.observe(images=actor.wants_frames(tick / simulation.control_hz))
        motion = actor.act(observation, subgoal)
        np.testing.assert_array_equal(motion.intended, simulation.targets[0].astype(np.float32))
        policy_acted.append(bool((motion.executed == 0).all()))
        simulation.step(motion.executed)
    return policy_acted


def test_expert_keeps_the_clean_action_apart_from_the_executed_one(simulation: ToySimulation) -> None:
    actor = ExpertActor(simulation.expert(perturb=2.0))
    actor.begin(simulation.subgoal(0))
    motion = actor.act(simulation.observe(images=False), simulation.subgoal(0))
    np.testing.assert_array_equal(motion.intended, simulation.targets[0].astype(np.float32))
    assert not np.array_equal(motion.intended, motion.executed)


def test_mixture_keeps_one_actor_for_whole_chunks(simulation: ToySimulation) -> None:
    acted = np.array(who_acts(simulation, 0.5, seed=1)).reshape(-1, PolicyToOrigin.n_action_steps)
    assert (acted.all(axis=1) | ~acted.any(axis=1)).all()
    assert 0.2 < acted.mean() < 0.8


def test_mixture_at_its_ends_and_its_determinism(simulation: ToySimulation) -> None:
    assert not any(who_acts(simulation, 0.0, seed=1))
    assert all(who_acts(simulation, 1.0, seed=1))
    assert who_acts(simulation, 0.5, seed=2) == who_acts(simulation, 0.5, seed=2)
    assert who_acts(simulation, 0.5, seed=2) != who_acts(simulation, 0.5, seed=3)
