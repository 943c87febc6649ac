"""Files of devices: who may open them."""

from __future__ import annotations

import os
from pathlib import Path


def may_use(device: str) -> bool:
    """Whether this user may read and write a device's file; what is no file, as on Windows, is taken to be usable."""
    return not Path(device).exists() or os.access(device, os.R_OK | os.W_OK)


def let_me_use(device: str) -> str:
    """Return the command that lets this user open the device."""
    try:
        group = Path(device).group()
    except (OSError, KeyError, NotImplementedError):
        group = "root"
    if group in ("root", "wheel"):
        return f"sudo chmod a+rw {device}"
    return f"sudo usermod -aG {group} $USER, then log in again"
