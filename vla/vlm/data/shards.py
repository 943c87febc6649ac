"""Parquet shards of views: which there are, and writing one so that it is whole or not there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from vla.data.json_file import write_json
from vla.errors import DatasetError
from vla.vlm.data.rows import FEATURES, from_row, to_row
from vla.vlm.data.source import Split, ViewSource
from vla.vlm.examples import View

ROWS_A_GROUP = 32
"""Rows that are read from a file at once."""


@dataclass(frozen=True)
class Shard:
    """A file to write: consecutive episodes, a number of moments of each."""

    split: Split
    index: int
    views: int
    first_seed: int
    """Of its first episode."""

    @property
    def name(self) -> str:
        """Path in the dataset's folder."""
        return f"{self.split}/{self.index:06d}.parquet"


def plan_shards(split: Split, views: int, size: int, moments: int, first_seed: int) -> list[Shard]:
    """Return the shards of a split.

    Args:
        split: which.
        views: how many in all.
        size: views in each shard but the last.
        moments: views taken of an episode; a shard's last episode may give fewer.
        first_seed: of the first episode of the first shard.
    """
    episodes = -(-size // moments)
    return [
        Shard(split, index, min(size, views - index * size), first_seed + index * episodes)
        for index in range(-(-views // size))
    ]


def take_views(source: ViewSource, shard: Shard, moments: int, perturb: float) -> Iterator[View]:
    """Yield a shard's views."""
    for episode in range(-(-shard.views // moments)):
        count = min(moments, shard.views - episode * moments)
        yield from source.views(shard.first_seed + episode, shard.split, moments, perturb=perturb)[:count]


def write_shard(path: Path, views: Sequence[View]) -> None:
    """Write a shard under another name, and give it its own when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    table = pa.Table.from_pylist([to_row(view) for view in views], schema=FEATURES.arrow_schema)
    pq.write_table(table, unfinished, row_group_size=ROWS_A_GROUP)
    unfinished.rename(path)


def read_shard(path: Path) -> list[View]:
    """Return the views of one file."""
    return [from_row(row) for row in pq.read_table(path).to_pylist()]


def claim(folder: Path, origin: dict[str, Any]) -> None:
    """Say in the folder where its views come from, so that only the same command goes on with it.

    Raises:
        DatasetError: the folder has views of another origin, or something else.
    """
    about = folder / "origin.json"
    if about.is_file():
        known = json.loads(about.read_text(encoding="utf-8"))
        different = sorted(key for key in {*known, *origin} if known.get(key) != origin.get(key))
        if different:
            key = different[0]
            raise DatasetError(
                f"{folder} was begun with {key}={known.get(key)}, not {origin.get(key)}; "
                "choose another output or remove it"
            )
        return
    if folder.exists() and any(folder.iterdir()):
        raise DatasetError(f"{folder} exists and holds no views; choose another output or remove it")
    folder.mkdir(parents=True, exist_ok=True)
    write_json(about, origin)
