"""What makes the commands of the documentation cheap enough for a test: everything else of them is run as it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Reduction:
    """Options that take the place of those on the page, or are added."""

    options: tuple[str, ...]
    codes: tuple[int, ...] = (0,)
    """Exit codes that are right."""
    why: str = ""


EXPORT = "runtime=torch"
"""Exporting a policy to ONNX takes longer than what is left to run."""

REDUCED: Mapping[str, Reduction] = {
    "collect": Reduction(("tasks=press", "episodes=2", "workers=1"), why="two short demonstrations"),
    "train": Reduction(
        (
            "steps=2",
            "minutes=null",
            "batch_size=2",
            "workers=0",
            "device=cpu",
            "precision=fp32",
            "policy.vision_width=8",
            "policy.hidden_dim=32",
            "policy.head_blocks=1",
        ),
        why="two updates of a small policy; one process can train in one precision only",
    ),
    "eval": Reduction(("tasks=press", "episodes=1", "workers=1", EXPORT), why="one episode of the shortest task"),
    "run": Reduction(("max_seconds=1", EXPORT), (0, 1), "one simulated second, after which little is carried out"),
    "deploy": Reduction(("max_seconds=1", EXPORT), (0, 1), "one second, after which little is carried out"),
    "bench": Reduction(("calls=3",), why="three calls"),
    "doctor": Reduction(("checks=serial",), (0, 1), "what is wrong with a machine is no mistake of the page"),
}
"""Command -> how it is reduced. Commands that are not here are run as they stand."""
