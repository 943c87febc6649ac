import numpy as np

from tests.helpers.toy_suite import ToySimulation
from vla.runtime.actors import ExpertActor
from vla.runtime.episode import run_episode
from vla.runtime.recording import EpisodeRecorder
from vla.types import EpisodeResult, goal_vector


def test_columns_hold_what_was_seen_and_intended_in_each_tick() -> None:
    simulation = ToySimulation()
    simulation.reset("tour", 2)
    recorder = EpisodeRecorder("toy")
    actor = ExpertActor(simulation.expert(perturb=0.5))
    result = run_episode(simulation, simulation.oracle(), actor, max_seconds=12, subscribers=[recorder])
    (episode,) = recorder.episodes
    assert (episode.info.suite, episode.info.suite_task, episode.info.seed) == ("toy", "tour", 2)
    assert episode.info.instruction == simulation.instruction
    assert episode.info.success
    assert episode.images["front"].shape == (result.steps, 32, 32, 3)
    assert episode.images["wrist"][:, 0, 0, 0].tolist() == list(range(result.steps)), "frames are from before acting"
    first = [text.endswith("0") for text in episode.subgoals]
    change = first.index(False)
    assert episode.subgoal_index.tolist() == [0] * change + [1] * (result.steps - change)
    expected = np.where(np.array(first)[:, None], simulation.targets[0], simulation.targets[1])
    np.testing.assert_allclose(episode.action, expected, rtol=1e-6)
    assert not np.allclose(episode.action, simulation.actions), "what was executed was perturbed"
    np.testing.assert_array_equal(episode.goal[-1], goal_vector(simulation.subgoal(1)))
    np.testing.assert_array_equal(episode.state[0], [50, 50])


def test_ticks_without_a_subgoal_are_left_out_and_nothing_is_carried_over() -> None:
    simulation = ToySimulation()
    recorder = EpisodeRecorder("toy")
    lengths = []
    for latency in (0.0, 0.5):
        simulation.reset("reach", 0)
        actor = ExpertActor(simulation.expert())
        result = run_episode(
            simulation,
            simulation.oracle(),
            actor,
            max_seconds=6,
            planner_latency=latency,
            subscribers=[recorder],
        )
        (episode,) = recorder.episodes
        lengths.append(result.steps - len(episode.state))
    assert lengths == [0, 5]


def test_ticks_that_are_not_to_be_imitated_part_the_episode() -> None:
    simulation = ToySimulation()
    simulation.reset("hold", 0)
    recorder = EpisodeRecorder("toy")
    observation, subgoal = simulation.observe(images=True), simulation.subgoal(0)
    action = np.zeros(2, np.float32)
    recorder.on_start("hold")
    for intended in (None, action, action + 1, None, None, action + 2):
        recorder.on_tick(observation, subgoal, intended)
    recorder.on_end(EpisodeResult("hold", 0, "go to point 0", success=True, steps=6, reason=""))
    assert [episode.action[:, 0].tolist() for episode in recorder.episodes] == [[0, 1], [2]]


def test_an_episode_without_motion_records_nothing() -> None:
    simulation = ToySimulation()
    simulation.reset_for_instruction("go to nowhere", 0)
    recorder = EpisodeRecorder("toy")
    run_episode(
        simulation, simulation.oracle(), ExpertActor(simulation.expert()), max_seconds=6, subscribers=[recorder]
    )
    assert recorder.episodes == []
