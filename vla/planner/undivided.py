"""No planner: the policy gets the user's words as they are. What a hierarchy is to be compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vla.errors import ConfigError
from vla.types import Done, Observation, Simulation, Subgoal, SubgoalResult


@dataclass(frozen=True)
class UndividedConfig:
    """How long the policy may try.

    Raises:
        ConfigError: it may not try at all.
    """

    time_limit: float = 120.0
    """Time limit of the whole instruction [s]; an episode's own may end it earlier."""

    def __post_init__(self) -> None:
        if self.time_limit <= 0:
            raise ConfigError(f"planner.time_limit={self.time_limit} must be above 0")


class UndividedPlanner:
    """Says the instruction as the one subgoal, without a box; implements :class:`vla.types.Planner`.

    Args:
        simulation: tells when the instruction has been carried out; without one that knows, time ends it.
        config: how long it may take.
    """

    def __init__(self, simulation: Simulation | None, config: UndividedConfig | None = None) -> None:
        self._simulation, self.config = simulation, config or UndividedConfig()

    def reset(self) -> None:
        """Nothing to forget."""

    def plan(self, observation: Observation, instruction: str, history: Sequence[SubgoalResult]) -> Subgoal | Done:
        """Return the instruction, or Done once the simulator's success test holds."""
        simulation = self._simulation
        if simulation is not None and getattr(simulation, "judges", True) and simulation.succeeded():
            return Done("the success test holds")
        return Subgoal(text=instruction, skill="instruction", object="", time_limit=self.config.time_limit)
