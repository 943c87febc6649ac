"""Cores and memory."""

from __future__ import annotations

from vla.doctor.finding import Finding, ok, warning
from vla.provenance import core_count, cpu_name

GIGABYTE = 1e9
LEAST_CORES = 2
"""The control loop and a policy's process need one each."""
LEAST_MEMORY = 4.0
"""Below it, training and vision-language models fail [GB]."""


def check(seconds: float) -> list[Finding]:
    """Check cores and memory."""
    import psutil

    memory = psutil.virtual_memory()
    return [check_cores(core_count()), check_memory(memory.total / GIGABYTE, memory.available / GIGABYTE)]


def check_cores(cores: int) -> Finding:
    """Judge the number of cores that this process may use."""
    if cores < LEAST_CORES:
        return warning("cores", f"{cores} core: in real time, commands come late", "give the machine a second core")
    return ok("cores", f"{cores} cores, {cpu_name()}")


def check_memory(total: float, free: float) -> Finding:
    """Judge memory [GB]."""
    message = f"{free:.1f} of {total:.1f} GB of memory free"
    if free < LEAST_MEMORY:
        return warning("memory", message, "close programs, and train with a smaller batch_size=")
    return ok("memory", message)
