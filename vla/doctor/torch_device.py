"""What torch computes on."""

from __future__ import annotations

from typing import Any

from vla.doctor.finding import Finding, failure, ok, warning
from vla.doctor.probe import ProbeError, probe
from vla.provenance import core_count, gpu_names

NAME = "torch"


def check(seconds: float) -> list[Finding]:
    """Multiply two matrices on the device that `device=auto` takes."""
    try:
        return judge(probe(multiply, seconds=seconds), gpu_names(), core_count())
    except ProbeError as error:
        return [failure(NAME, f"torch does not compute: {error}", error.mend("torch", seconds, "make setup"))]


def multiply() -> dict[str, Any]:
    """Return the device, its name, and torch's threads, after a multiplication on it."""
    import torch

    kind = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    ones = torch.ones(64, 64, device=kind)
    if float((ones @ ones).sum().cpu()) != 64.0**3:
        raise ArithmeticError(f"64 x 64 ones, multiplied on {kind}, are wrong")
    name = torch.cuda.get_device_name() if kind == "cuda" else ""
    return {"version": torch.__version__, "device": kind, "name": name, "threads": torch.get_num_threads()}


def judge(answer: dict[str, Any], gpus: list[str], cores: int) -> list[Finding]:
    """Return findings on the device and on the number of threads."""
    device, name = answer["device"], answer["name"]
    where = f"torch {answer['version']} on {device}" + (f", {name}" if name else "")
    if device == "cpu" and gpus:
        message = f"{where}, though there is a GPU: {', '.join(gpus)}"
        mend = "uv pip install --reinstall torch torchvision --torch-backend=auto"
        findings = [warning(NAME, message, mend)]
    else:
        findings = [ok(NAME, where)]
    threads = answer["threads"]
    if threads > cores:
        mend = f"export OMP_NUM_THREADS={cores}"
        return [*findings, warning("threads", f"torch takes {threads} threads on {cores} cores, which is slow", mend)]
    return [*findings, ok("threads", f"torch takes {threads} threads on {cores} cores")]
