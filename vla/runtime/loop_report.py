"""What a run of the control loop leaves behind."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from vla.types import EpisodeResult, SubgoalResult


@dataclass
class LoopReport:
    """How a run went. Times in seconds."""

    ticks: int = 0
    elapsed: float = 0.0
    lateness: list[float] = field(default_factory=list)
    """By how much each tick came too late."""
    missed: int = 0
    """Ticks that were skipped because one before took too long."""
    policy_seconds: list[float] = field(default_factory=list)
    """From an observation to its chunk, transport included."""
    planner_seconds: list[float] = field(default_factory=list)
    held: int = 0
    """Ticks in which there was no action to play."""
    errors: list[str] = field(default_factory=list)
    """What policy and planner failed with."""
    faults: Counter[str] = field(default_factory=Counter)
    """Ticks in which the robot could not be read or moved, by what it said."""
    restarts: dict[str, int] = field(default_factory=dict)
    """How often a process had to be started again."""
    reason: str = ""
    """Why the run ended, if the planner did not say that it is done."""
    done: bool = False
    """Whether the planner said that the instruction has been carried out."""
    refused: bool = False
    """Whether the planner refused it before there was any subgoal."""
    subgoals: tuple[SubgoalResult, ...] = ()


def as_episode_result(report: LoopReport, instruction: str, *, task: str, seed: int, success: bool) -> EpisodeResult:
    """Return the report of a run in the form in which recorders keep episodes."""
    return EpisodeResult(
        task=task,
        seed=seed,
        instruction=instruction,
        success=success,
        steps=report.ticks,
        reason=report.reason,
        subgoals=report.subgoals,
        policy_seconds=tuple(report.policy_seconds),
        planner_seconds=tuple(report.planner_seconds),
    )
