from __future__ import annotations

import pytest

from vla.data.location import dataset_location
from vla.errors import DatasetError
from vla.training.data import split_episodes


@pytest.mark.parametrize(("episodes", "fraction", "held"), [(100, 0.03, 3), (10, 0.03, 1), (7, 0.5, 4), (5, 0.0, 0)])
def test_split_is_disjoint_complete_and_seeded(episodes: int, fraction: float, held: int):
    training, held_out = split_episodes(episodes, fraction, seed=1)
    assert sorted(training + held_out) == list(range(episodes)) and len(held_out) == held
    assert split_episodes(episodes, fraction, seed=1) == (training, held_out)


def test_splits_differ_by_seed():
    assert split_episodes(100, 0.1, seed=0) != split_episodes(100, 0.1, seed=1)


def test_split_leaves_something_to_train_on():
    with pytest.raises(DatasetError, match="of 1 episodes leaves none"):
        split_episodes(1, 0.03, seed=0)


def test_folder_that_is_no_dataset(tmp_path):
    with pytest.raises(DatasetError, match=r"info\.json does not exist"):
        dataset_location(str(tmp_path))
    assert dataset_location("user/set") == ("user/set", None)
