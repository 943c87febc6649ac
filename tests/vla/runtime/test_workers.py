import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from vla.errors import UnknownNameError, VlaError
from vla.runtime.workers import SINGLE_THREADED, WorkerPool, default_workers, run_jobs


@dataclass(frozen=True)
class MakeSquare:
    """Squares numbers; says which process did it, and complains about negative ones."""

    def __call__(self) -> Callable[[int], tuple[int, int]]:
        assert all(os.environ[name] == value for name, value in SINGLE_THREADED.items())

        def square(number: int) -> tuple[int, int]:
            if number < 0:
                raise UnknownNameError("number", str(number), ["0", "1"])
            return number**2, os.getpid()

        return square


@dataclass(frozen=True)
class Sleepers:
    folder: Path

    def __call__(self) -> Callable[[int], None]:
        def sleep(number: int) -> None:
            (self.folder / str(os.getpid())).touch()
            time.sleep(60)

        return sleep


@pytest.mark.parametrize("workers", [1, 2])
def test_every_job_is_done_once(workers: int) -> None:
    results = dict(run_jobs(MakeSquare(), range(20), workers))
    assert {number: square for number, (square, _) in results.items()} == {n: n**2 for n in range(20)}
    processes = {process for _, process in results.values()}
    assert (os.getpid() in processes) == (workers == 1)


def test_jobs_can_be_added_while_results_come_in() -> None:
    pool: WorkerPool[int, tuple[int, int]] = WorkerPool(MakeSquare(), 1)
    pool.submit(0)
    seen = []
    for job, _ in pool.results():
        seen.append(job)
        if job < 5:
            pool.submit(job + 1)
    assert seen == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_users_mistake_comes_back_with_its_message(workers: int) -> None:
    with pytest.raises(VlaError, match="unknown number '-1'"):
        list(run_jobs(MakeSquare(), [-1], workers))


def test_nothing_is_set_up_without_jobs() -> None:
    def make() -> Callable[[int], int]:
        raise AssertionError

    assert list(run_jobs(make, [], 1)) == []
    assert default_workers() >= 1


@pytest.mark.slow
def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path\n"
        "from vla.runtime.workers import run_jobs\n"
        "from tests.vla.runtime.test_workers import Sleepers\n"
        f"if __name__ == '__main__': list(run_jobs(Sleepers(Path({str(tmp_path)!r})), range(4), 2))"
    )
    script = tmp_path.parent / "killed_parent.py"
    script.write_text(program)
    parent = subprocess.Popen([sys.executable, str(script)], env={**os.environ, "PYTHONPATH": "."})
    try:
        _wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
    finally:
        parent.kill()
        parent.wait()
    workers = [int(file.name) for file in tmp_path.iterdir()]
    _wait_until(lambda: not any(_alive(worker) for worker in workers))


def _wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)


def _alive(process: int) -> bool:
    status = Path(f"/proc/{process}/status")
    return status.exists() and "State:\tZ" not in status.read_text()
