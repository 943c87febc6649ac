"""Finds planners by the names that the command line knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vla.decoding import decode
from vla.errors import ConfigError, UnknownNameError
from vla.types import Planner, Simulation

PLANNERS = ("grammar", "oracle", "vlm", "openai", "none")
LITERAL = ("grammar", "oracle")
"""Planners that know no more words than the grammar does; the others take any."""


def make_planner(name: str, simulation: Simulation | None, options: Mapping[str, Any] | None = None) -> Planner:
    """Return the planner called ``name``.

    Args:
        name: one of `PLANNERS`.
        simulation: what it plans for; only oracle and none look into it, the others need none.
        options: fields of the planner's configuration, nested as there; the oracle has none.

    Raises:
        UnknownNameError: there is no such planner.
        ConfigError: it has no such option, or the value does not fit.
        CheckpointError: its model cannot be loaded.
    """
    match name:
        case "oracle":
            if simulation is None:
                raise ConfigError("the oracle planner reads a simulator's state, and there is none here")
            if options:
                raise ConfigError(f"the oracle planner has no option {next(iter(options))!r}")
            return simulation.oracle()
        case "grammar":
            from vla.planner.grammar import GrammarConfig, GrammarPlanner

            return GrammarPlanner(decode(GrammarConfig, options or {}, "planner grammar"))
        case "vlm":
            from vla.planner.backends import VlmConfig, load_chat
            from vla.planner.vlm import VlmPlanner

            config = decode(VlmConfig, options or {}, "planner vlm")
            return VlmPlanner(load_chat(config), config)
        case "openai":
            from vla.planner.backends import OpenAiConfig, open_chat
            from vla.planner.vlm import VlmPlanner

            config = decode(OpenAiConfig, options or {}, "planner openai")
            return VlmPlanner(open_chat(config), config)
        case "none":
            from vla.planner.undivided import UndividedConfig, UndividedPlanner

            return UndividedPlanner(simulation, decode(UndividedConfig, options or {}, "planner none"))
    raise UnknownNameError("planner", name, PLANNERS)
