import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla.errors import ConfigError
from vla.runtime.collection import Attempt, CollectionFolder, Quota, shard_path, shard_paths


def play(wanted: int, outcomes: list[bool], order: random.Random) -> tuple[list[int], int]:
    """Let results come in in a random order; return the successful seeds and the number of failures."""
    quota = Quota(100, wanted)
    running: list[int] = []
    while True:
        while (seed := quota.take()) is not None:
            running.append(seed)
        if not running:
            return sorted(quota.successes), quota.failures
        seed = running.pop(order.randrange(len(running)))
        quota.record(seed, outcomes[(seed - 100) % len(outcomes)])


@given(st.integers(1, 15), st.lists(st.booleans(), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_seeds_do_not_depend_on_the_order_of_results(wanted: int, outcomes: list[bool], order: random.Random) -> None:
    successes, failures = play(wanted, outcomes, order)
    in_order = [100 + i for i in range(Quota(0, wanted).limit) if outcomes[i % len(outcomes)]]
    assert successes == in_order[:wanted]
    if len(successes) == wanted:
        assert failures == successes[-1] - 99 - wanted, "no seed was tried in vain"


def test_a_hopeless_task_is_given_up() -> None:
    successes, failures = play(5, [False], random.Random(0))
    assert (successes, failures) == ([], Quota(0, 5).limit)


def test_attempts_are_found_again_and_a_torn_line_is_not(tmp_path: Path) -> None:
    identity = {"suite": "toy", "perturb": 1.0}
    folder = CollectionFolder(tmp_path / "set.partial", identity)
    attempts = [Attempt("reach", seed, seed % 2 == 0, 50, "" if seed % 2 == 0 else "missed") for seed in range(4)]
    for attempt in attempts:
        folder.append(attempt)
    log = tmp_path / "set.partial" / "attempts.jsonl"
    log.write_bytes(log.read_bytes()[:-7])
    again = CollectionFolder(tmp_path / "set.partial", identity)
    assert list(again.attempts.values()) == attempts[:3]
    again.append(attempts[3])
    assert list(CollectionFolder(tmp_path / "set.partial", identity).attempts.values()) == attempts


def test_a_collection_with_other_options_is_not_mixed_in(tmp_path: Path) -> None:
    CollectionFolder(tmp_path / "set.partial", {"perturb": 1.0})
    with pytest.raises(ConfigError, match=r"set\.partial holds an unfinished collection with other options"):
        CollectionFolder(tmp_path / "set.partial", {"perturb": 0.0})


def test_the_files_of_an_episode_are_found_in_the_order_of_its_parts(tmp_path: Path) -> None:
    (tmp_path / "episodes").mkdir()
    wanted = [shard_path(tmp_path, "hold", 1, part) for part in range(11)]
    for path in [*reversed(wanted), shard_path(tmp_path, "hold", 11, 0), shard_path(tmp_path, "hold_on", 1, 0)]:
        path.touch()
    assert shard_paths(tmp_path, "hold", 1) == wanted
    assert shard_paths(tmp_path, "hold", 2) == []
