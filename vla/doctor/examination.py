"""Runs the groups of checks one after another; a group that breaks or hangs is a finding as well."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence

from vla.doctor import cameras, machine, packages, rendering, serial_ports, storage, torch_device, video, weights
from vla.doctor.finding import Check, Finding, failure
from vla.errors import UnknownNameError

GROUPS: Mapping[str, Check] = {
    "packages": packages.check,
    "machine": machine.check,
    "storage": storage.check,
    "serial": serial_ports.check,
    "cameras": cameras.check,
    "rendering": rendering.check,
    "torch": torch_device.check,
    "video": video.check,
    "weights": weights.check,
}
"""Groups in the order in which they run: the quick ones first."""
PROCESSES = 2
"""Most processes that a group starts, each with the time limit to itself."""
MARGIN = 10.0
"""Time that a group may take beside its processes [s]."""


def choose(names: str) -> list[str]:
    """Return the groups that ``names`` lists, separated by commas; ``all`` is all of them.

    Raises:
        UnknownNameError: there is no such group.
    """
    if names == "all":
        return list(GROUPS)
    chosen = [name.strip() for name in names.split(",")]
    for name in chosen:
        if name not in GROUPS:
            raise UnknownNameError("check", name, ["all", *GROUPS])
    return chosen


def examine(
    names: Sequence[str], seconds: float, groups: Mapping[str, Check] = GROUPS
) -> Iterator[tuple[str, list[Finding]]]:
    """Yield each group with its findings, as soon as they are known.

    Args:
        names: groups to run.
        seconds: time limit of each process that a group starts [s].
        groups: name -> check.
    """
    for name in names:
        yield name, run_limited(name, groups[name], seconds)


def run_limited(name: str, check: Check, seconds: float, margin: float = MARGIN) -> list[Finding]:
    """Run a group in a thread that is left behind if it hangs, as on a dead network drive."""
    found: list[Finding] = []

    def work() -> None:
        try:
            found.extend(check(seconds))
        except Exception as error:
            found.append(failure(name, f"the check broke: {type(error).__name__}: {error}", "make setup"))

    limit = PROCESSES * seconds + margin
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(limit)
    if thread.is_alive():
        mend = f"vla doctor checks={name} time_limit={2 * seconds:g}"
        return [failure(name, f"no answer within {limit:g} s", mend)]
    return found
