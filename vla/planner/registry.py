"""Finds planners by the names that the command line knows."""

from __future__ import annotations

from vla.errors import UnknownNameError
from vla.types import Planner, Simulation

PLANNERS = ("grammar", "oracle")


def make_planner(name: str, simulation: Simulation) -> Planner:
    """Return the planner called ``name``.

    Args:
        name: one of `PLANNERS`.
        simulation: what it plans for; only the oracle looks into it.

    Raises:
        UnknownNameError: there is no such planner.
    """
    match name:
        case "oracle":
            return simulation.oracle()
        case "grammar":
            from vla.planner.grammar import GrammarPlanner

            return GrammarPlanner()
    raise UnknownNameError("planner", name, PLANNERS)
