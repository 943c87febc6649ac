"""Spreads jobs over worker processes, each of which sets up its tools once."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import Any

from vla.errors import VlaError
from vla.processes import start_worker

SINGLE_THREADED = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "LP_NUM_THREADS": "1"}
"""Environment of workers: as many processes as cores leave nothing for threads to win. LP is Mesa's rasteriser."""

_work: Callable[[Any], Any] | None = None


class WorkerPool[Job: Hashable, Result]:
    """Runs jobs in processes; yields results as they come, and takes further jobs meanwhile.

    Args:
        make_worker: called once in each process; returns the function that does a job. Must be picklable.
        workers: number of processes; with 1 the jobs run in this process.
    """

    def __init__(self, make_worker: Callable[[], Callable[[Job], Result]], workers: int) -> None:
        self._make_worker = make_worker
        self._workers = workers
        self._waiting: list[Job] = []
        self._running: dict[Future[Result], Job] = {}

    def submit(self, job: Job) -> None:
        """Queue a job; also allowed while ``results`` is being iterated."""
        self._waiting.append(job)

    def results(self) -> Iterator[tuple[Job, Result]]:
        """Yield (job, result) in order of completion until nothing is queued any more.

        Raises:
            VlaError: a job met a mistake of the user's.
        """
        os.environ.update(SINGLE_THREADED)
        if self._workers == 1:
            work = self._make_worker() if self._waiting else None
            while self._waiting and work is not None:
                job = self._waiting.pop(0)
                yield job, work(job)
            return
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(self._workers, context, initializer=start_worker)
        try:
            while self._waiting or self._running:
                while self._waiting:
                    job = self._waiting.pop(0)
                    self._running[pool.submit(_do, self._make_worker, job)] = job
                finished, _ = wait(self._running, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield self._running.pop(future), future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def run_jobs[Job: Hashable, Result](
    make_worker: Callable[[], Callable[[Job], Result]], jobs: Iterable[Job], workers: int
) -> Iterator[tuple[Job, Result]]:
    """Yield (job, result) in order of completion; see `WorkerPool`."""
    pool: WorkerPool[Job, Result] = WorkerPool(make_worker, workers)
    for job in jobs:
        pool.submit(job)
    return pool.results()


def default_workers() -> int:
    """One worker a core that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _do(make_worker: Callable[[], Callable[[Any], Any]], job: Any) -> Any:
    global _work
    try:
        if _work is None:
            _work = make_worker()
        return _work(job)
    except VlaError as error:  # a subclass may not survive pickling; its message does
        raise VlaError(str(error)) from None
