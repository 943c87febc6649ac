import pickle
import threading
from pathlib import Path

import numpy as np
import pytest

from vla.data.frame_store import FrameStore, FrameStoreWriter

SHAPE = (12, 3, 10, 14)


@pytest.fixture
def frames() -> np.ndarray:
    smooth = np.linspace(0, 255, np.prod(SHAPE)).reshape(SHAPE)
    return smooth.astype(np.uint8)


@pytest.fixture
def store(frames: np.ndarray, tmp_path: Path) -> FrameStore:
    writer = FrameStoreWriter(tmp_path / "store", SHAPE)
    halves = np.array_split(np.random.default_rng(0).permutation(len(frames)), 2)

    def write(rows: np.ndarray) -> None:
        for row in rows:
            writer[row] = frames[row]

    threads = [threading.Thread(target=write, args=(half,)) for half in halves]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    return FrameStore(tmp_path / "store")


@pytest.mark.parametrize("rows", [[3], [5, 5, 0], [[1, 2], [11, 4], [7, 7]]])
def test_any_frames_come_back_as_they_were(store: FrameStore, frames: np.ndarray, rows: list) -> None:
    np.testing.assert_array_equal(store[np.array(rows)], frames[np.array(rows)])
    assert store[np.array(rows)].dtype == store.dtype
    assert store.shape == SHAPE
    assert len(store) == SHAPE[0]


def test_smooth_frames_take_less_room(store: FrameStore, frames: np.ndarray) -> None:
    assert store.nbytes < frames.nbytes / 3


def test_another_process_gets_the_path_and_not_the_frames(store: FrameStore, frames: np.ndarray) -> None:
    sent = pickle.dumps(store)
    assert len(sent) < 1000
    np.testing.assert_array_equal(pickle.loads(sent)[np.arange(12)], frames)


def test_a_store_that_was_left_half_written_is_finished(frames: np.ndarray, tmp_path: Path) -> None:
    first = FrameStoreWriter(tmp_path, SHAPE)
    for row in range(7):
        first[row] = frames[row]
    first.flush()
    with (tmp_path / "frames.bin").open("ab") as file:
        file.write(b"cut off")
    second = FrameStoreWriter(tmp_path, SHAPE)
    for row in range(5, 12):
        second[row] = frames[row]
    second.close()
    np.testing.assert_array_equal(FrameStore(tmp_path)[np.arange(12)], frames)
