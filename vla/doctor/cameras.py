"""Cameras that a real arm could use."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from vla.doctor.devices import let_me_use, may_use
from vla.doctor.finding import Finding, ok, warning
from vla.doctor.probe import ProbeError, probe

NAME = "cameras"
FIRST_INDICES = 4
"""Where cameras have no files, this many indices are tried."""


def check(seconds: float) -> list[Finding]:
    """Open each camera and take a frame, in a process of its own, since drivers hang."""
    devices = camera_devices()
    locked = [device for device in devices if isinstance(device, str) and not may_use(device)]
    findings = [warning(NAME, f"{device} may not be opened by this user", let_me_use(device)) for device in locked]
    open_to_us = [device for device in devices if device not in locked]
    if not open_to_us:
        return findings or [none_found()]
    try:
        seen = probe(take_frames, open_to_us, seconds=seconds)
    except ProbeError as error:
        mend = "unplug the cameras and plug them in again, then lerobot-find-cameras opencv"
        return [*findings, warning(NAME, f"cameras could not be tried: {error}", error.mend("cameras", seconds, mend))]
    findings += [ok(NAME, f"camera {camera['device']}: {camera['width']} x {camera['height']}") for camera in seen]
    return findings or [none_found()]


def none_found() -> Finding:
    """Return the finding of a machine without cameras, on which everything but a real arm works."""
    return ok(NAME, "no camera gives frames; only a real arm needs one")


def camera_devices() -> list[str | int]:
    """Return the devices that may be cameras: files on Linux, indices elsewhere."""
    if sys.platform.startswith("linux"):
        return [str(path) for path in sorted(Path("/dev").glob("video*"))]
    return list(range(FIRST_INDICES))


def take_frames(devices: list[str | int]) -> list[dict[str, Any]]:
    """Return the cameras among the devices that give a frame, with its size [px]."""
    import cv2

    found = []
    for device in devices:
        camera = cv2.VideoCapture(device)
        taken, frame = camera.read() if camera.isOpened() else (False, None)
        camera.release()
        if taken and frame is not None:
            found.append({"device": device, "height": frame.shape[0], "width": frame.shape[1]})
    return found
