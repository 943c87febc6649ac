import numpy as np
import pytest

from vla.runtime.executor import ChunkExecutor
from vla.types import ActionChunk

HZ = 10.0


def chunk(start: float, first: float, slope: float = 1.0, length: int = 8) -> ActionChunk:
    return ActionChunk((first + slope * np.arange(length, dtype=np.float32))[:, None], start)


def play(executor: ChunkExecutor, ticks: range) -> list[float | None]:
    actions = [executor.action_at(tick / HZ) for tick in ticks]
    return [None if action is None else float(action[0]) for action in actions]


def test_actions_are_looked_up_by_time_and_run_out() -> None:
    executor = ChunkExecutor(HZ, blend_ticks=4)
    assert executor.action_at(0.0) is None
    assert executor.planned_at is None
    executor.load(chunk(0.0, 0.0), 0.2)  # it has taken two ticks to come
    assert play(executor, range(2, 10)) == [2.0, 3.0, 4.0, 5.0, 6.0, 7.0, None, None]
    assert executor.planned_at == 0.0


def test_a_newer_chunk_is_faded_in() -> None:
    executor = ChunkExecutor(HZ, blend_ticks=3)
    executor.load(chunk(0.0, 0.0), 0.0)
    executor.load(chunk(0.2, 12.0), 0.3)
    old, new = np.arange(3, 8), 13 + np.arange(5)
    weights = np.array([0.15625, 0.5, 0.84375, 1.0, 1.0])
    assert play(executor, range(3, 8)) == pytest.approx(list(weights * new + (1 - weights) * old))


def test_a_seam_is_several_times_smaller_than_with_a_switch() -> None:
    def largest_jump(blend_ticks: int) -> float:
        executor = ChunkExecutor(HZ, blend_ticks=blend_ticks)
        executor.load(chunk(0.0, 0.0, length=16), 0.0)
        before = play(executor, range(6))
        executor.load(chunk(0.5, 10.0, length=16), 0.6)
        path = np.array([*before, *play(executor, range(6, 14))], dtype=float)
        return float(np.abs(np.diff(np.diff(path))).max())

    assert largest_jump(4) <= largest_jump(0) / 4


def test_a_chunk_that_comes_during_a_fade_takes_over_from_what_is_played() -> None:
    executor = ChunkExecutor(HZ, blend_ticks=6)
    executor.load(chunk(0.0, 0.0, length=16), 0.0)
    executor.load(chunk(0.2, 30.0, length=16), 0.2)
    faded = play(executor, range(2, 9))
    executor.load(chunk(0.4, -40.0, length=16), 0.4)
    path = np.array([*faded[:2], *play(executor, range(4, 11))], dtype=float)
    expected = (1 - 0.0554) * np.array(faded[2]) + 0.0554 * -40.0
    assert path[2] == pytest.approx(expected, abs=0.01)


def test_nothing_is_left_after_a_drop() -> None:
    executor = ChunkExecutor(HZ, blend_ticks=4)
    executor.load(chunk(0.0, 0.0), 0.0)
    executor.load(chunk(0.1, 5.0), 0.1)
    executor.drop()
    assert executor.action_at(0.1) is None
    executor.load(chunk(0.2, 7.0), 0.2)
    assert play(executor, range(2, 4)) == [7.0, 8.0]
