import pytest

from tests.helpers.toy_suite import ToySimulation
from vla.errors import ConfigError
from vla.planner.undivided import UndividedConfig, UndividedPlanner
from vla.types import Done, Subgoal


def test_the_policy_gets_the_users_own_words_until_the_simulator_says_success() -> None:
    simulation = ToySimulation()
    simulation.reset("tour", 0)
    planner = UndividedPlanner(simulation, UndividedConfig(time_limit=9.0))
    observation = simulation.observe()
    subgoal = planner.plan(observation, "Go there, then back", [])
    assert isinstance(subgoal, Subgoal)
    assert (subgoal.text, subgoal.box, subgoal.time_limit) == ("Go there, then back", None, 9.0)
    simulation.visited = len(simulation.targets)
    assert simulation.succeeded()
    assert isinstance(planner.plan(observation, "Go there, then back", []), Done)


def test_without_a_simulator_that_knows_only_time_ends_it() -> None:
    simulation = ToySimulation()
    simulation.visited, simulation.judges = len(simulation.targets), False
    for knowing in (None, simulation):
        assert isinstance(UndividedPlanner(knowing).plan(simulation.observe(), "wave", []), Subgoal)


def test_a_time_limit_of_nothing_is_named() -> None:
    with pytest.raises(ConfigError, match=r"planner\.time_limit=0 must be above 0"):
        UndividedConfig(time_limit=0)
