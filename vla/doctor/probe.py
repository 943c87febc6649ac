"""Calls a function in a fresh process with a time limit, so that its crash or hang is an answer too."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import Any

from vla.errors import VlaError

MARK = "VLA-PROBE "
"""Begins the line that holds the answer; libraries print what they like around it."""
LAST_WORDS = 300
"""How much of a dead process's complaint is kept [characters]."""
GRACE = 2.0
"""Time to wait for a killed process; one that is stuck in a driver does not even die [s]."""


class ProbeError(VlaError):
    """The process crashed, complained, or gave no answer in time.

    Args:
        message: what happened.
        late: whether there was no answer in time.
    """

    def __init__(self, message: str, *, late: bool = False) -> None:
        super().__init__(message)
        self.late = late

    def mend(self, group: str, seconds: float, otherwise: str) -> str:
        """Return what to do: ask again with more time than ``seconds`` [s] where that was short."""
        return f"vla doctor checks={group} time_limit={3 * seconds:g}" if self.late else otherwise


def probe(function: Callable[..., Any], *arguments: Any, seconds: float) -> Any:
    """Return what ``function(*arguments)`` returns in a process of its own.

    Args:
        function: of a module's top level.
        arguments: JSON values, as is what the function returns.
        seconds: time limit [s].

    Raises:
        ProbeError: the process crashed, raised, or was too slow; says which.
    """
    code = (
        f"import json, sys; from {function.__module__} import {function.__name__} as probed; "
        f"answer = probed(*json.loads(sys.argv[1])); print(); print({MARK!r} + json.dumps(answer), flush=True); "
        "import os; os._exit(0)"
    )
    with tempfile.TemporaryFile("w+", errors="replace") as out, tempfile.TemporaryFile("w+", errors="replace") as err:
        process = subprocess.Popen(
            [sys.executable, "-c", code, json.dumps(arguments)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise ProbeError(f"no answer within {seconds:g} s", late=True) from None
        finally:
            _end(process)
        said, complained = (_text(file) for file in (out, err))
    answers = [line for line in said.splitlines() if line.startswith(MARK)]
    if status == 0 and answers:
        return json.loads(answers[-1].removeprefix(MARK))
    if status < 0:
        raise ProbeError(f"the process died of {signal.Signals(-status).name}")
    raise ProbeError(last_words(complained) or f"the process ended with code {status}")


def last_words(complaint: str) -> str:
    """Return the line of a traceback that names the last error, else the last line."""
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"[\w.]+(Error|Exception|Exit|Interrupt)(:|$)", line)]
    return (errors or lines or [""])[-1][:LAST_WORDS]


def _text(file: Any) -> str:
    file.seek(0)
    return file.read()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and what it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
