import itertools

import numpy as np
import pytest

from envs.metaworld.simulation import MetaworldSimulation
from envs.metaworld.tasks import TASKS
from vla.errors import ConfigError, UnknownNameError
from vla.runtime.actors import ExpertActor
from vla.runtime.episode import run_episode
from vla.types import Done, Simulation, Subgoal

pytest.importorskip("metaworld", reason="the package metaworld is optional: see docs/benchmarks/metaworld.md")

SMALL = {"image_size": (32, 32), "supersample": 1}


@pytest.fixture
def simulation():
    simulation = MetaworldSimulation(**SMALL)
    yield simulation
    simulation.close()


def demonstrate(simulation: Simulation, task: str, seed: int, perturb: float = 0.0):
    simulation.reset(task, seed)
    actor = ExpertActor(simulation.expert(perturb=perturb))
    return run_episode(simulation, simulation.oracle(), actor, max_seconds=TASKS[task].max_seconds, planner_period=0.2)


@pytest.mark.parametrize("task", ["reach-v3", "push-back-v3", "window-open-v3"])
def test_the_expert_succeeds(simulation, task):
    result = demonstrate(simulation, task, 0)
    assert result.success
    assert result.measures == {"within_400_steps": True}
    assert [ended.subgoal.text for ended in result.subgoals] == [TASKS[task].description]


@pytest.mark.slow
@pytest.mark.parametrize("perturb", [0.0, 1.0])
@pytest.mark.parametrize("task", TASKS)
def test_the_expert_succeeds_at_every_task(simulation, task, perturb):
    assert any(demonstrate(simulation, task, seed, perturb).success for seed in range(3))


def test_the_experts_errors_are_executed_and_not_taught(simulation):
    simulation.reset("reach-v3", 3)
    expert = simulation.expert(perturb=20.0)
    taught, executed = [], []
    for _ in range(30):
        taught.append(expert.act())
        executed.append(expert.executed)
        simulation.step(expert.executed)
    taught, executed = np.array(taught), np.array(executed)
    assert np.abs(executed).max() <= 1
    assert np.abs(taught).max() <= 1
    assert not np.allclose(taught[:, :3], executed[:, :3])
    np.testing.assert_array_equal(taught[:, 3], executed[:, 3])


def test_nothing_is_rendered_unless_somebody_looks(simulation, monkeypatch):
    simulation.reset("reach-v3", 0)
    monkeypatch.setattr(type(simulation.world), "render", lambda self: pytest.fail("rendered"))
    simulation.step(np.zeros(4, np.float32))
    observation = simulation.observe(images=False)
    assert observation.images == {}
    assert observation.state.shape == (4,)
    assert observation.time == pytest.approx(1 / 80)


@pytest.mark.parametrize("task", ["reach-v3", "push-v3", "door-open-v3"])
def test_the_first_frame_shows_the_goal_where_it_is(simulation, task):
    def sites():
        return simulation.world.data.site_xpos[simulation.world.data.model.site("goal").id].copy()

    simulation.reset(task, 3)
    first = sites()
    simulation.step(np.zeros(4, np.float32))
    np.testing.assert_allclose(first, sites(), atol=1e-3)
    simulation.reset(task, 4)
    assert not np.allclose(first, sites(), atol=1e-3)


def test_success_is_kept_and_the_flag_at_the_end_is_told_apart():
    simulation = MetaworldSimulation(**SMALL, run_on=True)
    assert demonstrate(simulation, "reach-v3", 0).steps == 500
    assert simulation.measures() == {"within_400_steps": True, "at_the_last_step": True}
    simulation.reset("reach-v3", 0)
    expert = simulation.expert()
    while not simulation.world.flag:
        expert.act()
        simulation.step(expert.executed)
    for _ in range(40):
        simulation.step(np.array([1, 1, 1, 0], np.float32))
    assert simulation.succeeded()
    assert simulation.measures() == {"within_400_steps": True, "at_the_last_step": False}
    assert isinstance(simulation.oracle().plan(simulation.observe(images=False), "", ()), Subgoal)


def test_success_after_the_short_horizon_does_not_count_within_it(simulation):
    simulation.reset("reach-v3", 0)
    simulation.world.first_success = 401
    assert simulation.succeeded()
    assert simulation.measures() == {"within_400_steps": False}
    assert isinstance(simulation.oracle().plan(simulation.observe(images=False), "", ()), Done)


@pytest.mark.parametrize("ablation", ["none", "language", "image", "state"])
def test_an_ablation_takes_one_thing_away(ablation):
    simulation = MetaworldSimulation(**SMALL, ablation=ablation)
    simulation.reset("push-v3", 5)
    observation = simulation.observe()
    plan = simulation.oracle().plan(observation, simulation.instruction, ())
    assert isinstance(plan, Subgoal)
    told = {
        "language": plan.text == TASKS["push-v3"].description,
        "image": bool(observation.images["corner2"].any()),
        "state": bool(observation.state.any()),
    }
    assert {name for name, there in told.items() if not there} == {ablation} - {"none"}
    simulation.close()


def test_options_that_make_no_sense_are_named():
    with pytest.raises(UnknownNameError, match="unknown ablation 'words'"):
        MetaworldSimulation(ablation="words")
    with pytest.raises(ConfigError, match=r"env\.supersample=0"):
        MetaworldSimulation(supersample=0)


def test_a_seed_means_another_place_in_each_task(simulation):
    places = []
    for task in ("button-press-v3", "button-press-wall-v3", "button-press-topdown-v3", "coffee-button-v3"):
        simulation.reset(task, 0)
        places.append(simulation.world.observation[4])  # all four draw x alike, and first
    assert len(np.unique(np.round(places, 4))) == len(places)


def test_episodes_depend_on_task_and_seed_alone(simulation):
    def observations(seed):
        simulation.reset("peg-insert-side-v3", seed)
        expert = simulation.expert(perturb=1.0)
        seen = [simulation.world.observation]
        for _ in itertools.repeat(None, 30):
            expert.act()
            simulation.step(expert.executed)
            seen.append(simulation.world.observation)
        return np.array(seen)

    first, other, again = observations(1), observations(2), observations(1)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first[0], other[0])
