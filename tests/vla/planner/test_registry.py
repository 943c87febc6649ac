import pytest

from tests.helpers.toy_suite import ToyOracle, ToySimulation
from vla.errors import UnknownNameError
from vla.planner.grammar import GrammarPlanner
from vla.planner.registry import PLANNERS, make_planner


def test_every_name_makes_a_planner_and_only_the_oracle_sees_the_simulation() -> None:
    simulation = ToySimulation()
    planners = {name: make_planner(name, simulation) for name in PLANNERS}
    assert isinstance(planners["oracle"], ToyOracle)
    assert isinstance(planners["grammar"], GrammarPlanner)


def test_an_unknown_planner_is_named() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown planner 'gramar'\. Did you mean 'grammar'"):
        make_planner("gramar", ToySimulation())
