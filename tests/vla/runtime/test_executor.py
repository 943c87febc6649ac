import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla.runtime.executor import ChunkExecutor
from vla.types import ActionChunk


def chunk(start_time: float, length: int = 5) -> ActionChunk:
    return ActionChunk(np.arange(length, dtype=np.float32)[:, None], start_time)


def test_nothing_to_play_before_a_chunk_and_after_dropping_it() -> None:
    executor = ChunkExecutor(control_hz=30, n_action_steps=3)
    assert executor.action_at(0.0) is None
    executor.load(chunk(0.0))
    assert executor.action_at(0.0) is not None
    executor.drop()
    assert executor.action_at(0.0) is None


@given(start=st.integers(0, 20_000), hz=st.sampled_from([10.0, 30.0, 50.0]), steps=st.integers(1, 8))
def test_each_tick_gets_its_action_until_n_action_steps(start: int, hz: float, steps: int) -> None:
    executor = ChunkExecutor(hz, steps)
    executor.load(chunk(start / hz))
    played = [executor.action_at((start + tick) / hz) for tick in range(8)]
    assert [None if action is None else int(action[0]) for action in played] == [
        tick if tick < min(steps, 5) else None for tick in range(8)
    ]


def test_a_late_chunk_has_its_first_actions_skipped() -> None:
    executor = ChunkExecutor(control_hz=10, n_action_steps=5)
    executor.load(chunk(1.0))
    assert executor.action_at(1.2) == pytest.approx([2.0])
    assert executor.action_at(0.9) is None
