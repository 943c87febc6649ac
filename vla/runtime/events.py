"""What happens while instructions are carried out: one small union that shells, pages and recorders are fed with.

`as_json` and `from_json` are the one place where events become JSON, and become events again. ``str(event)`` is a line
for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from vla.errors import UnknownNameError
from vla.types import Box, Subgoal

Outcome = Literal["success", "failure", "refused", "stopped", "superseded"]
SubgoalState = Literal["planned", "running", "reached", "failed", "timeout"]


@dataclass(frozen=True)
class Accepted:
    """The loop has taken an instruction up."""

    time: float
    """Unix time [s], as in all events."""
    command: int
    """Number of the instruction."""
    instruction: str

    def __str__(self) -> str:
        return f'"{self.instruction}"'


@dataclass(frozen=True)
class SubgoalChanged:
    """A subgoal was planned, its first action was played, or it has ended."""

    time: float
    command: int
    number: int
    """Counts the subgoals of the instruction from 1."""
    state: SubgoalState
    subgoal: Subgoal
    """As planned."""
    reason: str = ""
    """Why it failed."""
    seconds: float = 0.0
    """Since it was planned [s]."""

    def __str__(self) -> str:
        ended = f", {self.seconds:.1f} s" if self.state not in ("planned", "running") else ""
        return f"  {self.number}. {self.subgoal.text}: {self.state}{_because(self.reason)}{ended}"


@dataclass(frozen=True)
class Refused:
    """The instruction cannot or must not be carried out; the arm does not move for it."""

    time: float
    command: int
    reason: str

    def __str__(self) -> str:
        return f"  refused: {self.reason}"


@dataclass(frozen=True)
class Holding:
    """The arm waits for something, or waits no more."""

    time: float
    command: int
    reason: str
    """What it waits for; empty when it moves on."""

    def __str__(self) -> str:
        return f"  the arm holds: {self.reason}" if self.reason else "  the arm moves on"


@dataclass(frozen=True)
class Ticks:
    """How the loop keeps time, about once a second. Counts begin with the instruction, so that none needs them all."""

    time: float
    command: int | None
    """None between instructions."""
    ticks: int
    missed: int
    """Ticks that were skipped because one before took too long."""
    held: int
    """Ticks without an action to play."""
    late_ms: float
    """99th percentile of the lateness since the event before [ms]."""
    policy_ms: float | None
    """Median from observation to chunk since the event before [ms]; None without a chunk."""
    planner_ms: float | None
    """Median from observation to plan since the event before [ms]; None without a plan."""
    interventions: Mapping[str, int]
    """Ticks in which the safety filter changed something, by cause."""

    def __str__(self) -> str:
        latency = "".join(
            f", {name} {value:.0f} ms"
            for name, value in (("policy", self.policy_ms), ("planner", self.planner_ms))
            if value is not None
        )
        return f"  {self.ticks} ticks, {self.missed} missed, late by {self.late_ms:.1f} ms{latency}"


@dataclass(frozen=True)
class Fault:
    """Something failed; the arm holds, and goes on by itself if it can."""

    time: float
    part: Literal["robot", "planner", "policy"]
    message: str

    def __str__(self) -> str:
        return f"  {self.part}: {self.message}"


@dataclass(frozen=True)
class Stopped:
    """The arm is stopped for good: nothing moves it until it is resumed."""

    time: float
    cause: str

    def __str__(self) -> str:
        return f"stopped: {self.cause}"


@dataclass(frozen=True)
class Resumed:
    """The stop is lifted; the arm does not move before the next instruction."""

    time: float

    def __str__(self) -> str:
        return "resumed"


@dataclass(frozen=True)
class Reset:
    """Another simulated scene is there."""

    time: float
    seed: int

    def __str__(self) -> str:
        return f"reset: scene of seed {self.seed}"


@dataclass(frozen=True)
class Finished:
    """The instruction is over, with the arm at rest unless another one has taken its place."""

    time: float
    command: int
    instruction: str
    outcome: Outcome
    reason: str
    """Why it was no success; empty if it was."""
    seconds: float
    ticks: int
    missed: int
    held: int
    reached: int
    """Subgoals that were reached."""
    interventions: Mapping[str, int]

    def __str__(self) -> str:
        return f"{self.outcome}{_because(self.reason)} after {self.seconds:.1f} s"


Event = Accepted | SubgoalChanged | Refused | Holding | Ticks | Fault | Stopped | Resumed | Reset | Finished

NAMES: dict[str, type[Event]] = {kind.__name__.lower(): kind for kind in get_args(Event)}
"""What an event is called in JSON."""


def as_json(event: Event) -> dict[str, Any]:
    """Return an event as what ``json.dumps`` takes, with its name as ``event``."""
    fields = asdict(event)
    if fields.get("subgoal") is not None:
        fields["subgoal"]["ahead"] = list(fields["subgoal"]["ahead"])
    return {"event": type(event).__name__.lower(), **fields}


def from_json(entry: Mapping[str, Any]) -> Event:
    """Return the event that `as_json` was given.

    Raises:
        UnknownNameError: there is no event of that name.
    """
    fields = dict(entry)
    name = fields.pop("event")
    if name not in NAMES:
        raise UnknownNameError("event", str(name), NAMES)
    if (subgoal := fields.get("subgoal")) is not None:
        box = subgoal["box"]
        ahead = tuple(subgoal.get("ahead", ()))
        fields["subgoal"] = Subgoal(**{**subgoal, "box": None if box is None else Box(**box), "ahead": ahead})
    return NAMES[name](**fields)


def _because(reason: str) -> str:
    return f" ({reason})" if reason else ""
