"""A policy that needs no model, and a server for it in a thread or in a process of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla.errors import VlaError
from vla.serve.server import Limits, PolicyServer
from vla.serve.spec import PolicySpec
from vla.types import ActionChunk, Box, Observation, Subgoal

TOKEN = "correct-horse-battery-staple"
SIZE = 8
CAMERAS = ("front", "wrist")
INPUTS = {
    **{f"observation.images.{name}": (SIZE, SIZE, 3) for name in CAMERAS},
    "observation.state": (2,),
    "observation.goal": (5,),
}
SPEC = PolicySpec("tiny", INPUTS, action_dim=2, n_action_steps=4)
SUBGOAL = Subgoal("pick up the cube", "pick", "cube", box=Box(0.25, 0.5, 0.75, 1.0))


def observation(seed: int = 0, time: float = 0.0) -> Observation:
    random = np.random.default_rng(seed)
    frames = {name: random.integers(0, 256, (SIZE, SIZE, 3), np.uint8) for name in CAMERAS}
    return Observation(frames, random.normal(0, 20, 2).astype(np.float32), time)


def request(seed: int = 0, **changes: Any) -> dict[str, Any]:
    """Return what a client sends; a value of None leaves the key out. Dots are written as two underscores."""
    message = SPEC.to_request(observation(seed), SUBGOAL)
    message |= {key.replace("__", "."): value for key, value in changes.items()}
    return {key: value for key, value in message.items() if value is not None}


def expected(seen: Observation, subgoal: Subgoal) -> NDArray[np.float32]:
    """Return the actions (8, 2) of the tiny policy; every input counts."""
    brightness = sum((index + 1) * frame.mean() for index, (_, frame) in enumerate(sorted(seen.images.items())))
    center = np.array(subgoal.box.center if subgoal.box else (0, 0))
    ahead = np.arange(8)[:, None] * center + brightness + len(subgoal.text)
    return (seen.state + ahead).astype(np.float32)


class TinyPolicy:
    """Answers with `expected`. It waits while ``gate`` is closed, and notes the size of every batch."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.error: Exception | None = None

    def predict_chunks(self, requests: Sequence[tuple[Observation, Subgoal]]) -> list[ActionChunk]:
        self.batches.append(len(requests))
        self.gate.wait()
        if self.error is not None:
            raise self.error
        return [ActionChunk(expected(seen, subgoal), 0.0) for seen, subgoal in requests]


class Served:
    """A server that runs."""

    def __init__(self, server: PolicyServer, policy: TinyPolicy) -> None:
        self.server, self.policy = server, policy
        self.port = server.port
        self.url = f"ws://127.0.0.1:{server.port}"

    def requests(self, outcome: str) -> float:
        return self.server.metrics.value("vla_serve_requests_total", outcome=outcome)

    def clients(self) -> float:
        return self.server.metrics.value("vla_serve_clients")


@contextmanager
def serving(limits: Limits | None = None, **options: Any) -> Iterator[Served]:
    """Serve the tiny policy from a thread."""
    policy = TinyPolicy()
    server = PolicyServer(policy, SPEC, port=options.pop("port", 0), limits=limits, **options)
    started, error = threading.Event(), []
    loop = asyncio.new_event_loop()
    end = asyncio.Event()

    async def serve() -> None:
        async with server:
            started.set()
            await end.wait()

    def run() -> None:
        try:
            loop.run_until_complete(serve())
        except VlaError as problem:
            error.append(problem)
        finally:
            started.set()
            loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    started.wait(10.0)
    if error:
        raise error[0]
    try:
        yield Served(server, policy)
    finally:
        policy.gate.set()
        loop.call_soon_threadsafe(end.set)
        thread.join(10.0)
        assert not thread.is_alive()


def serve_process(port: int) -> None:
    """Serve the tiny policy until the process is killed."""

    async def serve() -> None:
        async with PolicyServer(TinyPolicy(), SPEC, port=port):
            await asyncio.Event().wait()

    asyncio.run(serve())
