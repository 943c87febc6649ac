"""Errors that name the value at fault and the valid ones."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class VlaError(Exception):
    """Base of the errors that a user can mend; the command line prints them without a trace."""


class UnknownNameError(VlaError):
    """A name that is not among the known ones.

    Args:
        kind: what the name stands for, e.g. ``"task"``.
        name: the value that was given.
        valid: the names that would have been accepted.
    """

    def __init__(self, kind: str, name: str, valid: Iterable[str]) -> None:
        self.name = name
        self.valid = sorted(valid)
        close = difflib.get_close_matches(name, self.valid, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        super().__init__(f"unknown {kind} {name!r}.{hint} Valid: {', '.join(self.valid)}")


class InstructionError(VlaError):
    """An instruction that is not understood, or that cannot be carried out with what is on the table."""


class GroundingError(VlaError):
    """A text that names no box or point where it should, or one that no frame has."""


class PlanError(VlaError):
    """An answer of a model that is no plan."""


class ConfigError(VlaError):
    """A configuration value that does not fit."""


class MissingModalityError(VlaError):
    """An observation lacks something that the policy was built with.

    Args:
        missing: keys that are not there.
        present: keys that are.
    """

    def __init__(self, missing: Iterable[str], present: Iterable[str]) -> None:
        super().__init__(
            f"the policy needs {', '.join(sorted(missing))}, but the observation has only {', '.join(sorted(present))}"
        )


class DatasetError(VlaError):
    """A dataset that is missing, incomplete, or not what the command needs."""


class CheckpointError(VlaError):
    """A checkpoint that is missing or does not fit the robot or the data."""


class RobotError(VlaError):
    """A robot that cannot be read, or moved, just now.

    Args:
        message: what is wrong.
        lasting: whether it stays so until somebody mends it; otherwise the next attempt may succeed.
    """

    def __init__(self, message: str, *, lasting: bool = False) -> None:
        super().__init__(message)
        self.lasting = lasting


class RenderingError(VlaError):
    """No rendering backend works on this machine."""


class ControlRateError(VlaError):
    """The physics step does not divide the control period."""


class ProtocolError(VlaError):
    """A message between robot and policy server that is malformed, or that does not fit the policy."""


class LinkError(VlaError):
    """The link to a policy server cannot be made, or is lost."""
