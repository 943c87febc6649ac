"""The planner of a suite whose tasks are one step each: it says the task's sentence until the task is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vla.types import Done, Observation, Subgoal, SubgoalResult

if TYPE_CHECKING:
    from envs.metaworld.simulation import MetaworldSimulation


class OraclePlanner:
    """Reads the simulation's success flag, and nothing else.

    Args:
        simulation: has been reset.
        text: what the policy is told.
        time_limit: of the one subgoal [s].
        run_on: go on after success, until the episode's time is up.
    """

    def __init__(self, simulation: MetaworldSimulation, text: str, time_limit: float, *, run_on: bool) -> None:
        self._simulation = simulation
        self._run_on = run_on
        self._subgoal = Subgoal(
            text=text,
            skill=simulation.task,
            object="",
            question=f"Has the robot done this: {text}?",
            time_limit=time_limit,
        )

    def reset(self) -> None:
        """Nothing to forget."""

    def plan(self, observation: Observation, instruction: str, history: Sequence[SubgoalResult]) -> Subgoal | Done:
        """Return the subgoal, or Done after success."""
        if self._simulation.succeeded() and not self._run_on:
            return Done("the success flag was set")
        return self._subgoal
