"""One forward pass for all requests that have come while the one before was running."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from vla.types import ActionChunk, Observation, Subgoal

Predict = Callable[[Sequence[tuple[Observation, Subgoal]]], Sequence[ActionChunk]]
"""Predicts a chunk for each of several observations."""


@dataclass(frozen=True)
class Prediction:
    """A chunk, and what it took."""

    chunk: ActionChunk
    waited: float
    """Until the forward pass began [s]."""
    seconds: float
    """Forward pass [s]."""
    batch: int
    """Requests that it answered."""


@dataclass(frozen=True)
class _Waiting:
    observation: Observation
    subgoal: Subgoal
    answer: asyncio.Future[Prediction]
    since: float = field(default_factory=time.perf_counter)


class Batcher:
    """Feeds a policy, oldest request first. A request that finds it idle is not made to wait for others.

    Args:
        predict: runs in a thread of its own.
        max_batch: most requests of one forward pass.
        on_pass: told the duration [s] and the number of requests of every forward pass.
    """

    def __init__(self, predict: Predict, max_batch: int, on_pass: Callable[[float, int], None]) -> None:
        self._predict, self._max_batch, self._on_pass = predict, max_batch, on_pass
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._thread = ThreadPoolExecutor(1, "policy")

    async def predict(self, observation: Observation, subgoal: Subgoal) -> Prediction:
        """Return the chunk for an observation; raises what the policy raises."""
        waiting = _Waiting(observation, subgoal, asyncio.get_running_loop().create_future())
        self._queue.put_nowait(waiting)
        return await waiting.answer

    async def run(self) -> None:
        """Answer requests until cancelled."""
        try:
            while True:
                batch = [await self._queue.get()]
                while len(batch) < self._max_batch and not self._queue.empty():
                    batch.append(self._queue.get_nowait())
                if batch := [waiting for waiting in batch if not waiting.answer.done()]:
                    await self._answer(batch)
        finally:
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _answer(self, batch: list[_Waiting]) -> None:
        began = time.perf_counter()
        requests = [(waiting.observation, waiting.subgoal) for waiting in batch]
        try:
            chunks = await asyncio.get_running_loop().run_in_executor(self._thread, self._predict, requests)
            answered = list(zip(batch, chunks, strict=True))
        except Exception as error:
            for waiting in batch:
                if not waiting.answer.done():
                    waiting.answer.set_exception(error)
            return
        seconds = time.perf_counter() - began
        self._on_pass(seconds, len(batch))
        for waiting, chunk in answered:
            if not waiting.answer.done():
                waiting.answer.set_result(Prediction(chunk, began - waiting.since, seconds, len(batch)))
