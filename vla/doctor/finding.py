"""What a check finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warning", "failure"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    status: Status
    message: str
    mend: str = ""
    """Command, or act, that mends it; empty where there is nothing to mend."""


Check = Callable[[float], Sequence[Finding]]
"""A group of checks; takes the time limit of a process that it starts [s]."""


def ok(name: str, message: str) -> Finding:
    """Return a finding that needs nothing."""
    return Finding(name, "ok", message)


def warning(name: str, message: str, mend: str) -> Finding:
    """Return a finding that does not keep anybody from simulating, training or evaluating."""
    return Finding(name, "warning", message, mend)


def failure(name: str, message: str, mend: str) -> Finding:
    """Return a finding that must be mended."""
    return Finding(name, "failure", message, mend)
