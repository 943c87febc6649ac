"""What serving costs: observation to action chunk in this process, and from a server on this machine.

The server is a process of its own and serves the same checkpoint over loopback. ``overhead`` is a call's round trip
without the forward pass, as the server times it: encoding, transport, checks, queue and decoding on both sides. The
two sides take turns, so that a change of the machine's speed falls on both.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import numpy as np
from omegaconf import DictConfig

from vla.bench.latency import TURN, draw_observation
from vla.bench.report import Report, ratios, row
from vla.errors import VlaError
from vla.processes import start_worker
from vla.runtime.lerobot_policy import LerobotPolicy, load_policy
from vla.serve.client import Endpoint, RemotePolicy
from vla.serve.server import Limits, PolicyServer
from vla.serve.spec import PolicySpec

HERE, REMOTE, OVERHEAD = "in process", "remote", "overhead"
READY_SECONDS = 180.0
"""Longest time that the server may take to load [s]."""


def run(config: DictConfig) -> Report:
    """Measure ``checkpoint=``; see ``configs/bench.yaml``.

    Raises:
        CheckpointError: the checkpoint cannot be loaded.
        VlaError: the server does not start.
    """
    checkpoint, device, threads = str(config.checkpoint), str(config.device), config.threads
    here = load_policy(checkpoint, device=device, threads=threads)
    features = here.features()
    rng = np.random.default_rng(config.seed)
    seconds: dict[str, list[float]] = {HERE: [], REMOTE: [], OVERHEAD: []}
    with _served(checkpoint, device, threads) as url:
        remote = RemotePolicy(Endpoint(url, read_timeout=60.0))
        for policy in (here, remote):
            policy.predict_chunk(*draw_observation(rng, features))
        for _ in range(max(1, config.calls // TURN)):
            for name, policy in ((HERE, here), (REMOTE, remote)):
                for _ in range(TURN):
                    observation, subgoal = draw_observation(rng, features)
                    start = time.perf_counter()
                    policy.predict_chunk(observation, subgoal)
                    seconds[name].append(time.perf_counter() - start)
                    if name == REMOTE:
                        seconds[OVERHEAD].append(seconds[name][-1] - remote.inference_seconds)
        remote.close()
    rows = {name: row(values, 1) for name, values in seconds.items()}
    compared = ratios({name: rows[name] for name in (HERE, REMOTE)}, REMOTE)
    settings = {"checkpoint": checkpoint, "inputs": {key: list(shape) for key, shape in features[0].items()}}
    return Report("serve", "chunks", rows, compared, settings | {"threads": threads, "device": here.device})


@contextmanager
def _served(checkpoint: str, device: str, threads: int | None) -> Iterator[str]:
    """Serve a checkpoint from a process; give its address."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process: BaseProcess = context.Process(target=_serve, args=(checkpoint, device, threads, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(READY_SECONDS):
            raise VlaError(f"the server was not ready after {READY_SECONDS:g} s")
        yield f"ws://127.0.0.1:{ours.recv()}"
    except EOFError as error:
        raise VlaError("the server has ended before it was ready") from error
    finally:
        process.terminate()
        process.join()


def _serve(checkpoint: str, device: str, threads: int | None, ready: Connection) -> None:
    """Run in the process."""
    start_worker()
    policy = load_policy(checkpoint, device=device, threads=threads)
    asyncio.run(_serve_policy(policy, checkpoint, ready))


async def _serve_policy(policy: LerobotPolicy, name: str, ready: Connection) -> None:
    spec = PolicySpec.of(name, policy.features(), policy.n_action_steps)
    async with PolicyServer(policy, spec, port=0, limits=Limits(max_rate=1e9)) as server:
        ready.send(server.port)
        await asyncio.Event().wait()
