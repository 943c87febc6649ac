import pytest

from tests.helpers.toy_suite import ToyOracle, ToySimulation
from vla.errors import ConfigError, UnknownNameError
from vla.planner.grammar import GrammarConfig, GrammarPlanner
from vla.planner.registry import PLANNERS, make_planner
from vla.planner.undivided import UndividedPlanner


def test_every_name_makes_a_planner_and_only_the_oracle_sees_the_simulation() -> None:
    simulation = ToySimulation()
    planners = {name: make_planner(name, simulation) for name in PLANNERS if name not in ("vlm", "openai")}
    assert isinstance(planners["oracle"], ToyOracle)
    assert isinstance(planners["grammar"], GrammarPlanner)
    assert isinstance(planners["none"], UndividedPlanner)


def test_options_reach_the_planner() -> None:
    options = {"attempts": 2, "checks": {"empty": 9.0}, "detector": {"view": {"fovy": 50.0}}}
    planner = make_planner("grammar", ToySimulation(), options)
    assert isinstance(planner, GrammarPlanner)
    assert (planner.config.attempts, planner.config.checks.empty) == (2, 9.0)
    assert planner.config.detector.view.fovy == 50.0
    assert planner.config.left_ready == GrammarConfig().left_ready


@pytest.mark.parametrize(("name", "option"), [("grammar", "atempts"), ("oracle", "attempts")])
def test_an_unknown_option_is_named(name: str, option: str) -> None:
    with pytest.raises(ConfigError, match=option):
        make_planner(name, ToySimulation(), {option: 2})


def test_an_unknown_planner_is_named() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown planner 'gramar'\. Did you mean 'grammar'"):
        make_planner("gramar", ToySimulation())
