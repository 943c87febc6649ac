"""Where a result comes from: command, date, commit, versions and machine."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("lerobot_policy_vla", "lerobot", "torch", "transformers", "mujoco", "numpy")
CHECKOUT = Path(__file__).resolve().parent.parent
"""Folder of the source, if this is a checkout."""
GIT_SECONDS = 5.0
"""Time that git gets to answer [s]."""


def origin(packages: Sequence[str] = PACKAGES) -> dict[str, Any]:
    """Return what every result says of where it comes from: ``command``, ``versions`` and ``provenance``.

    Args:
        packages: whose versions are told.
    """
    return {"command": command(), "versions": versions(packages), "provenance": provenance()}


def command() -> str:
    """Return the command line of this process, as a shell takes it."""
    return shlex.join(["vla", *sys.argv[1:]])


def versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Return the versions of Python and of the packages that are installed."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def provenance() -> dict[str, Any]:
    """Return date, commit and machine as plain JSON values.

    ``commit`` is None outside a git checkout; it ends in ``+`` if the files differ from it.
    """
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": git_commit(CHECKOUT),
        "system": platform.platform(),
        "cpu": cpu_name(),
        "cores": core_count(),
        "gpu": gpu_names(),
    }


def git_commit(folder: Path) -> str | None:
    """Return the commit that is checked out in ``folder``, with ``+`` if files differ; None if it is no checkout."""
    if not (folder / ".git").exists():
        return None
    try:
        commit, changes = (
            subprocess.run(
                ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=GIT_SECONDS, check=True
            ).stdout.strip()
            for arguments in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + ("+" if changes else "")


def core_count() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_name() -> str:
    """Return what the processor calls itself."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(errors="replace").splitlines() if info.exists() else []
    named = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    return named or platform.processor() or platform.machine()


def gpu_names() -> list[str]:
    """Return the names of NVIDIA's GPUs, as the kernel driver tells them; other GPUs are not found."""
    names = []
    for information in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        for line in information.read_text(errors="replace").splitlines():
            if line.startswith("Model:"):
                names.append(line.split(":", 1)[1].strip())
    return names
