"""A control loop in real time whose policy is served by another process, which is killed and comes back."""

from __future__ import annotations

import multiprocessing
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from omegaconf import OmegaConf

from tests.helpers.careful import Careful
from tests.helpers.toy_suite import CONTROL_HZ
from tests.vla.serve.tiny import SIZE, serve_process, serving
from vla.cli.remote import RemoteLink
from vla.errors import CheckpointError, ConfigError, LinkError
from vla.runtime.control_loop import ControlLoop
from vla.runtime.loop_report import LoopReport
from vla.runtime.partners import PlannerRequest
from vla.runtime.sidecar import Sidecar
from vla.types import Box, Observation, Plan, Subgoal

REMOTE = {
    "url": "ws://localhost:1",
    "token_file": None,
    "ca_file": None,
    "connect_timeout": 5.0,
    "read_timeout": 5.0,
    "hold_after": 0.06,
    "lost_after": 1.0,
    "resume_file": "RESUME",
}


class Arm:
    """Goes where it is told; knows when it was told something other than to stay."""

    robot_type = "toy"
    control_hz = CONTROL_HZ
    camera_names: tuple[str, ...] = ("front", "wrist")
    joint_names: tuple[str, ...] = ("x", "y")

    def __init__(self) -> None:
        self.state = np.zeros(2, np.float32)
        self.moved_at: list[float] = []

    def observe(self, *, images: bool = True) -> Observation:
        frame = np.zeros((SIZE, SIZE, 3), np.uint8)
        return Observation(dict.fromkeys(self.camera_names, frame) if images else {}, self.state, 0.0)

    def step(self, action: NDArray[np.float32]) -> None:
        if not np.array_equal(action, self.state):
            self.moved_at.append(time.monotonic())
        self.state = action.copy()


@dataclass(frozen=True)
class OneSubgoal:
    """Always wants the same."""

    def __call__(self) -> Callable[[PlannerRequest], Plan]:
        subgoal = Subgoal("go", "go", "", box=Box(0.1, 0.1, 0.9, 0.9), time_limit=100.0)
        return lambda request: subgoal


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture
def start(port: int) -> Iterator[Callable[[], BaseProcess]]:
    """Starts a server process; all of them are ended afterwards."""
    started: list[BaseProcess] = []

    def start_one() -> BaseProcess:
        process = multiprocessing.get_context("spawn").Process(target=serve_process, args=(port,), daemon=True)
        process.start()
        started.append(process)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return process
            except ConnectionRefusedError:
                time.sleep(0.02)
        raise TimeoutError

    yield start_one
    for process in started:
        process.kill()
        process.join()


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)


@pytest.mark.slow
def test_the_arm_holds_when_the_server_is_killed_and_goes_on_when_told_to(
    tmp_path: Path, port: int, start: Callable[[], BaseProcess]
) -> None:
    server = start()
    resume = tmp_path / "RESUME"
    options = REMOTE | {"resume_file": str(resume), "hold_after": 0.5, "lost_after": 5.0}
    link = RemoteLink(f"ws://127.0.0.1:{port}", OmegaConf.create({"remote": options}))
    arm, events = Arm(), dict[str, float]()
    link.check_robot(arm.observe())
    said: list[str] = []
    guard = link.guard(Careful(), say=said.append)

    def script() -> None:
        """Kill the server, bring it back, let the operator look and say so, and end the run once the arm moves."""
        wait_for(lambda: len(arm.moved_at) > 10)
        server.kill()
        events["killed"] = time.monotonic()
        start()
        wait_for(lambda: "the link is back" in "".join(said))
        time.sleep(1.0)
        resume.touch()
        events["resumed"] = time.monotonic()
        wait_for(lambda: arm.moved_at[-1] > events["resumed"])
        events["seen"] = time.monotonic()

    policy = Sidecar(link.process, "policy")
    planner: Sidecar[PlannerRequest, Plan] = Sidecar(OneSubgoal(), "planner")
    operator = threading.Thread(target=script)
    try:
        for sidecar in (policy, planner):
            sidecar.wait_ready(60.0)
        operator.start()
        loop = ControlLoop(
            arm, policy, planner, guard, replan_ticks=2, stop_requested=lambda: "enough" if "seen" in events else ""
        )
        report: LoopReport = loop.run("go", 120.0)
        operator.join()
    finally:
        policy.close()
        planner.close()
    assert report.reason == "enough"
    assert [at for at in arm.moved_at if events["killed"] + 0.3 < at < events["resumed"]] == []
    assert report.restarts["policy"] == 0
    assert [one.split(":")[0] for one in said] == [
        "the link to the policy server is lost",
        "the link is back",
        "going on",
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hold_after": 0}, r"remote\.hold_after=0"),
        ({"read_timeout": -1}, r"remote\.read_timeout=-1"),
        ({"lost_after": 0.05}, r"lost_after=0\.05 is below hold_after=0\.06"),
        ({"token_file": "/nowhere"}, "token_file=/nowhere"),
    ],
)
def test_options_that_make_no_sense_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RemoteLink("remote", OmegaConf.create({"remote": REMOTE | changes}))


def test_no_server_and_a_robot_that_does_not_fit_are_named_at_once() -> None:
    with pytest.raises(LinkError, match="no policy server at ws://localhost:1"):
        RemoteLink("remote", OmegaConf.create({"remote": REMOTE}))
    with serving() as served:
        link = RemoteLink("remote", OmegaConf.create({"remote": REMOTE | {"url": served.url}}))
        with pytest.raises(CheckpointError, match=r"wants observation\.images\.front"):
            link.check_robot(Observation({}, np.zeros(2, np.float32), 0.0))
