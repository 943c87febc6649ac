"""Book-keeping of a collection of demonstrations: which seeds to try, what became of them, where they are kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vla.data.json_file import whole_lines
from vla.errors import ConfigError

SPARE_ATTEMPTS = 20


@dataclass(frozen=True)
class Attempt:
    """What became of one seed of a task."""

    task: str
    seed: int
    success: bool
    steps: int
    reason: str


class Quota:
    """Hands out consecutive seeds until enough of them have succeeded.

    No more seeds are out at any time than successes are missing, so the seeds that end up being tried, and the ones
    that succeed, do not depend on the order in which results come in.

    Args:
        first_seed: the first one to hand out.
        wanted: number of successes.
    """

    def __init__(self, first_seed: int, wanted: int) -> None:
        self.successes: list[int] = []
        """Seeds that succeeded, in the order in which they were recorded."""
        self.failures = 0
        self._first_seed = first_seed
        self._wanted = wanted
        self._taken = 0

    @property
    def limit(self) -> int:
        """Number of seeds after which it gives up."""
        return 3 * self._wanted + SPARE_ATTEMPTS

    @property
    def missing(self) -> int:
        """Number of successes still to come."""
        return self._wanted - len(self.successes)

    def take(self) -> int | None:
        """Return a seed to try, or None if no more are needed until a result comes in."""
        if self._taken >= min(self._wanted + self.failures, self.limit):
            return None
        self._taken += 1
        return self._first_seed + self._taken - 1

    def record(self, seed: int, success: bool) -> None:
        """Take note of a result."""
        if success:
            self.successes.append(seed)
        else:
            self.failures += 1


class CollectionFolder:
    """Holds the finished episodes and the attempts of a collection that is not complete.

    Args:
        path: the folder; created if it does not exist.
        identity: everything that an episode depends on besides task and seed.

    Raises:
        ConfigError: the folder holds a collection of another kind.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        self.path = path
        self._log = path / "attempts.jsonl"
        header = path / "collection.json"
        text = json.dumps(dict(identity), indent=1, sort_keys=True)
        if header.exists() and header.read_text() != text:
            raise ConfigError(
                f"{path} holds an unfinished collection with other options; finish that one, remove the folder, "
                "or choose another output"
            )
        path.mkdir(parents=True, exist_ok=True)
        if not header.exists():
            fresh = path / ".collection.json"
            fresh.write_text(text)
            fresh.rename(header)
        lines = whole_lines(self._log)
        if lines:
            self._log.write_text("".join(lines))
        attempts = [Attempt(**json.loads(line)) for line in lines]
        self.attempts = {(attempt.task, attempt.seed): attempt for attempt in attempts}
        """What is known from earlier runs."""

    def append(self, attempt: Attempt) -> None:
        """Take note of an attempt whose episode, if it succeeded, has been written."""
        self.attempts[attempt.task, attempt.seed] = attempt
        with self._log.open("a") as log:
            log.write(json.dumps(asdict(attempt)) + "\n")


def shard_path(folder: Path, task: str, seed: int, part: int) -> Path:
    """Path of the file of one recorded part of an episode in a collection's folder."""
    return folder / "episodes" / f"{task}-{seed:06d}-{part:03d}.npz"


def shard_paths(folder: Path, task: str, seed: int) -> list[Path]:
    """Return the files of an episode's parts, in their order."""
    return sorted((folder / "episodes").glob(f"{task}-{seed:06d}-*.npz"))
