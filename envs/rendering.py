"""Choice of the rendering backend: EGL where there is a GPU, OSMesa (software) elsewhere.

Call :func:`choose_backend` before ``mujoco`` is imported; MuJoCo reads ``MUJOCO_GL`` once, at import.
"""

from __future__ import annotations

import ctypes.util
import os
import sys
from pathlib import Path

from vla.errors import RenderingError, UnknownNameError

BACKENDS = ("egl", "osmesa", "glfw")


def choose_backend() -> str:
    """Set ``MUJOCO_GL`` unless the user has, and return the backend.

    Raises:
        UnknownNameError: ``MUJOCO_GL`` names no backend.
        RenderingError: neither a GPU with EGL nor OSMesa is present.
    """
    chosen = os.environ.get("MUJOCO_GL", "").lower()
    if chosen:
        if chosen not in BACKENDS:
            raise UnknownNameError("MUJOCO_GL", chosen, BACKENDS)
        return chosen
    chosen = _detect()
    os.environ["MUJOCO_GL"] = chosen
    os.environ["PYOPENGL_PLATFORM"] = chosen if chosen != "glfw" else ""
    return chosen


def _detect() -> str:
    if sys.platform in ("darwin", "win32"):
        return "glfw"
    has_gpu = any(Path("/dev/dri").glob("renderD*")) or Path("/dev/nvidia0").exists()
    if has_gpu and ctypes.util.find_library("EGL"):
        return "egl"
    if ctypes.util.find_library("OSMesa"):
        return "osmesa"
    raise RenderingError(
        "no rendering backend: there is no GPU with EGL and libOSMesa is not installed. "
        "On Debian or Ubuntu: sudo apt-get install libosmesa6"
    )
