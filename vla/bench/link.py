"""How soon the simulated arm holds when the one who thinks for it is gone.

The arm sweeps to and fro in real time. At a random moment the policy server is killed, or stopped in the midst of what
it does as by a network that stalls; or the local policy's or the planner's process is killed. The time counted is from
then to the last command that moved the arm. Where a link was lost, the server then comes back: the arm must stay until
the operator lets it go on.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf
from rich.progress import track

from vla.bench.faults import SWEEP, SWEEP_PERIOD, MakePlanner, MakePolicy
from vla.bench.report import Report, row
from vla.bench.witness import Witness
from vla.cli.options import check_range, env_options
from vla.cli.remote import RemoteLink
from vla.cli.rollouts import open_suite
from vla.cli.safety import Guard, make_filter, required_safety
from vla.data.features import STATE
from vla.errors import VlaError
from vla.processes import start_worker
from vla.runtime.control_loop import ControlLoop
from vla.runtime.partners import PlannerRequest, PolicyRequest, Safety
from vla.runtime.sidecar import Sidecar
from vla.serve.server import PolicyServer
from vla.serve.spec import PolicySpec
from vla.types import ActionChunk, Observation, Plan, Subgoal

FAULTS = ("server killed", "network stalled", "policy process killed", "planner process killed")
INSTRUCTION = "press the button"
"""Decides which scene is drawn; nobody carries it out."""
TROUBLE = (1.2, 2.0)
"""When it happens, after the first motion [s]."""
STALL = 1.5
"""How long the network stalls [s]."""
PAUSE = 0.25
"""Time without motion that counts as rest [s]."""
WATCHED = 0.7
"""How long the arm must stay where it is when the server is back [s]."""
LONGEST = 120.0
"""Of a trial [s]."""
TARGET = 0.1
"""[s]"""


def run(config: DictConfig) -> Report:
    """Do each of `FAULTS` ``trials=`` times; see ``configs/bench.yaml``.

    Raises:
        ConfigError: there is no safety filter.
    """
    check_range("trials", config.trials, 1)
    limits = required_safety(config, "it is the safety filter that brings the arm to rest")
    simulation: Any = open_suite("tabletop").make(**env_options(config))
    arm, random = simulation.describe_arm(), np.random.default_rng(config.seed)
    seconds: dict[str, list[float]] = {name: [] for name in FAULTS}
    wrong = dict.fromkeys(FAULTS, 0)
    for trial in track(range(config.trials * len(FAULTS)), "taking the policy away"):
        name = FAULTS[trial % len(FAULTS)]
        simulation.reset_for_instruction(INSTRUCTION, config.seed)
        robot = Witness(simulation, eyes=False)
        safety = Guard(make_filter(limits, arm, robot.control_hz))
        outcome = _attempt(name, robot, safety, config, float(random.uniform(*TROUBLE)))
        seconds[name].append(outcome.seconds_to_rest)
        wrong[name] += not outcome.obeyed
    slowest = {name: round(1e3 * max(values), 1) for name, values in seconds.items()}
    late = {name: sum(value > TARGET for value in values) for name, values in seconds.items()}
    settings = {"trials": config.trials, "max_ms": slowest, "later_than_100_ms": late, "did_not_obey": wrong}
    notes = [
        f"{name}: {slowest[name]} ms at most, later than {1e3 * TARGET:.0f} ms in {late[name]} of {config.trials}, "
        f"did not do as it should afterwards in {wrong[name]}"
        for name in FAULTS
    ]
    return Report("link", "", {name: row(values) for name, values in seconds.items()}, {}, settings, notes)


@dataclass(frozen=True)
class _Outcome:
    seconds_to_rest: float
    obeyed: bool
    """Whether a lost link held the arm until the operator spoke; whether a dead planner, and only that, ended it."""


def _attempt(name: str, robot: Witness, safety: Guard, config: DictConfig, after: float) -> _Outcome:
    """Take the policy away once."""
    with ExitStack() as stack:
        planner: Sidecar[PlannerRequest, Plan] = stack.enter_context(Sidecar(MakePlanner(), "planner"))
        end, said = threading.Event(), list[str]()
        guard: Safety = safety
        if name in ("server killed", "network stalled"):
            resume = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "RESUME"
            port = _free_port()
            servers = stack.enter_context(_servers(port))
            server = servers()
            link = RemoteLink("remote", _remote(config, port, resume))
            policy: Sidecar[PolicyRequest, ActionChunk] = stack.enter_context(Sidecar(link.process, "policy"))
            guard = link.guard(safety, say=said.append)

            def trouble() -> bool:
                assert server.pid is not None
                if name == "server killed":
                    robot.broken_at = time.monotonic()
                    server.kill()
                    servers()
                else:
                    robot.broken_at = time.monotonic()
                    os.kill(server.pid, signal.SIGSTOP)
                    time.sleep(STALL)
                    os.kill(server.pid, signal.SIGCONT)
                _wait_for(lambda: any("link is back" in one for one in said))
                time.sleep(WATCHED)
                stayed = not robot.moved_since(robot.rested_at(PAUSE))
                told = time.monotonic()
                resume.touch()
                return _wait_for(lambda: robot.moved_since(told)) and stayed

        else:
            policy = stack.enter_context(Sidecar(MakePolicy(robot.control_hz), "policy"))
            victim = policy if name == "policy process killed" else planner

            def trouble() -> bool:
                assert victim.pid is not None
                robot.broken_at = time.monotonic()
                os.kill(victim.pid, signal.SIGKILL)
                if victim is planner:
                    return _wait_for(lambda: ended.is_set(), 5.0)
                _wait_for(lambda: victim.restarts == 1 and victim.state != "down")
                back = time.monotonic()
                return _wait_for(lambda: robot.moved_since(back))

        obeyed, ended = list[bool](), threading.Event()

        def script() -> None:
            try:
                if _wait_for(lambda: robot.moved_since(0.0)):
                    time.sleep(after)
                    obeyed.append(trouble())
            finally:
                end.set()

        for sidecar in (policy, planner):
            sidecar.wait_ready(LONGEST)
        loop = ControlLoop(robot, policy, planner, guard, stop_requested=lambda: "enough" if end.is_set() else "")
        operator = threading.Thread(target=script)
        operator.start()
        report = loop.run("sweep", LONGEST)
        ended.set()
        operator.join()
        as_wanted = report.reason == ("the planner died" if name == "planner process killed" else "enough")
    return _Outcome(robot.rested_at(PAUSE) - robot.broken_at, obeyed == [True] and as_wanted)


@dataclass(frozen=True)
class _Sweep:
    """Serves the motion of `MakePolicy`."""

    hz: float

    def predict_chunks(self, requests: Sequence[tuple[Observation, Subgoal]]) -> list[ActionChunk]:
        from envs.tabletop.world import READY_POSE

        times = time.monotonic() + np.arange(24) / self.hz
        swing = SWEEP * np.sin(2 * np.pi * times / SWEEP_PERIOD)
        return [ActionChunk((READY_POSE + swing[:, None]).astype(np.float32), 0.0) for _ in requests]


@contextmanager
def _servers(port: int) -> Iterator[Callable[[], BaseProcess]]:
    """Give a function that starts a server at ``port``, and returns once it listens; end all of them afterwards."""
    context, started = multiprocessing.get_context("spawn"), list[BaseProcess]()

    def start() -> BaseProcess:
        process = context.Process(target=_serve, args=(port,), daemon=True)
        process.start()
        started.append(process)
        if not _wait_for(lambda: _listens(port)):
            raise VlaError("the policy server does not start")
        return process

    try:
        yield start
    finally:
        for process in started:
            process.kill()
            process.join()


def _serve(port: int) -> None:
    """Run in the process."""
    start_worker()

    async def serve() -> None:
        spec = PolicySpec("sweep", {STATE: (6,)}, action_dim=6, n_action_steps=24)
        async with PolicyServer(_Sweep(30.0), spec, port=port):
            await asyncio.Event().wait()

    asyncio.run(serve())


def _remote(config: DictConfig, port: int, resume: Path) -> DictConfig:
    """Return the group ``remote`` as a link wants it."""
    options = {"url": f"ws://127.0.0.1:{port}", "resume_file": str(resume), "token_file": None, "ca_file": None}
    return OmegaConf.create({"remote": OmegaConf.to_container(config.remote) | options})  # type: ignore[operator]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def _listens(port: int) -> bool:
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
        return True
    return False


def _wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True
