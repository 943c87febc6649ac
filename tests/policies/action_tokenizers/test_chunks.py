from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from policies.action_tokenizers.chunks import Motion, gather_chunks, read_motion
from vla.errors import DatasetError


def test_reads_all_columns_in_order(motion: Path) -> None:
    columns = read_motion(motion)
    assert columns.actions.shape == columns.states.shape == (320, 6)
    np.testing.assert_array_equal(columns.actions[:79], columns.states[1:80])
    assert np.bincount(columns.episodes).tolist() == [80] * 4


def test_keeps_a_selection_of_episodes(motion: Path) -> None:
    columns = read_motion(SimpleNamespace(root=motion, episodes=[1, 3]))
    assert sorted(set(columns.episodes.tolist())) == [1, 3]


def test_chunks_hold_the_last_action_of_their_episode() -> None:
    actions = np.arange(7, dtype=np.float32)[:, None]
    motion = Motion(actions, actions - 1, np.array([0, 0, 0, 0, 1, 1, 1]))
    chunks, states = gather_chunks(motion, 3)
    assert chunks[:, :, 0].tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 3], [3, 3, 3], [4, 5, 6], [5, 6, 6], [6, 6, 6]]
    assert states[:, 0].tolist() == [-1, 0, 1, 2, 3, 4, 5]


def test_many_frames_are_thinned_evenly() -> None:
    actions = np.arange(10, dtype=np.float32)[:, None]
    chunks, _ = gather_chunks(Motion(actions, actions, np.zeros(10, np.int64)), 2, max_chunks=4)
    assert chunks[:, 0, 0].tolist() == [0, 3, 6, 9]


def test_missing_data_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no parquet file"):
        read_motion(tmp_path)


def test_missing_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    pq.write_table(pa.table({"action": [[0.0]], "episode_index": [0]}), tmp_path / "data" / "file.parquet")
    with pytest.raises(DatasetError, match=r"no column observation\.state"):
        read_motion(tmp_path)


def test_empty_selection_is_an_error(motion: Path) -> None:
    with pytest.raises(DatasetError, match="no frames"):
        read_motion(SimpleNamespace(root=motion, episodes=[99]))
