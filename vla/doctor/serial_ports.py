"""Serial ports at which a real arm may be."""

from __future__ import annotations

from collections.abc import Iterable

from vla.doctor.devices import let_me_use, may_use
from vla.doctor.finding import Finding, ok, warning

NAME = "serial ports"


def check(seconds: float) -> list[Finding]:
    """List the serial ports on USB, and whether they may be opened."""
    from serial.tools import list_ports

    return judge((port.device, port.description) for port in list_ports.comports() if port.vid is not None)


def judge(ports: Iterable[tuple[str, str]]) -> list[Finding]:
    """Return a finding for each port, given by device and description."""
    findings = [
        ok(NAME, f"{device}: {description}")
        if may_use(device)
        else warning(NAME, f"{device} ({description}) may not be opened by this user", let_me_use(device))
        for device, description in ports
    ]
    return findings or [ok(NAME, "no serial port on USB; only a real arm needs one")]
