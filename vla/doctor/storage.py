"""Space for caches, outputs and shared memory."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from pathlib import Path

from vla.data.installed import cache_folder
from vla.doctor.finding import Finding, failure, ok, warning

GIGABYTE = 1e9
LITTLE, TOO_LITTLE = 10.0, 1.0
"""Free space below which something soon fails, and fails [GB]; the frames of 1000 episodes take about 5."""
SHARED = Path("/dev/shm")
LITTLE_SHARED = 0.5
"""Shared memory below which worker processes fail [GB]."""


def check(seconds: float) -> list[Finding]:
    """Check the folders that are written to."""
    frames = cache_folder("frames")
    folders = {"cache": (frames, f"rm -r {shlex.quote(str(frames))}, which is made again when needed")}
    folders["outputs"] = (Path("outputs"), "remove what is not needed in outputs/, e.g. old runs in outputs/train")
    folders["temporary files"] = (Path(tempfile.gettempdir()), "export TMPDIR=<folder on a larger disk>")
    findings = [check_folder(name, folder, mend) for name, (folder, mend) in folders.items()]
    return [*findings, check_shared_memory(SHARED)] if SHARED.is_dir() else findings


def check_folder(name: str, folder: Path, mend: str) -> Finding:
    """Check that a folder, which need not exist yet, can be written to and has room."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not os.access(there, os.W_OK | os.X_OK) or not there.is_dir():
        return failure(name, f"{there} cannot be written to", f"sudo chown -R $USER {shlex.quote(str(there))}")
    return judge_space(name, folder, shutil.disk_usage(there).free / GIGABYTE, mend)


def judge_space(name: str, folder: Path, free: float, mend: str) -> Finding:
    """Judge free space [GB]."""
    message = f"{free:.1f} GB free for {folder}"
    if free < TOO_LITTLE:
        return failure(name, message, mend)
    return warning(name, message, mend) if free < LITTLE else ok(name, message)


def check_shared_memory(folder: Path) -> Finding:
    """Check the size of shared memory, through which processes hand over frames and batches."""
    usage = shutil.disk_usage(folder)
    message = f"{usage.free / GIGABYTE:.1f} of {usage.total / GIGABYTE:.1f} GB free in {folder}"
    if usage.free / GIGABYTE >= LITTLE_SHARED:
        return ok("shared memory", message)
    mend = "sudo mount -o remount,size=2G /dev/shm, or for a container: docker run --shm-size=2g"
    return warning("shared memory", message, mend)
