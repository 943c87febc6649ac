"""Random access to the views of a dataset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import overload

import datasets

from vla.errors import DatasetError
from vla.vlm.data.rows import from_row
from vla.vlm.data.source import Split
from vla.vlm.examples import View


class Views(Sequence[View]):
    """The views of a split, read when they are asked for; can be sent to loader processes.

    Args:
        table: rows with columns ``vla.vlm.data.rows.FEATURES``.
    """

    def __init__(self, table: datasets.Dataset) -> None:
        self._table = table.cast_column("images", datasets.List(datasets.Image(decode=False)))

    def __len__(self) -> int:
        return len(self._table)

    @overload
    def __getitem__(self, index: int) -> View: ...
    @overload
    def __getitem__(self, index: slice) -> Views: ...
    def __getitem__(self, index: int | slice) -> View | Views:
        """Return one view, or some as another sequence."""
        if isinstance(index, slice):
            return Views(self._table.select(range(*index.indices(len(self)))))
        return from_row(self._table[index])

    def __iter__(self) -> Iterator[View]:
        return map(from_row, self._table)  # pyright: ignore[reportArgumentType]  # rows are dictionaries


def load_views(folder: str | Path, split: Split) -> Views:
    """Return the views of a split.

    Raises:
        DatasetError: the folder has none.
    """
    if not any((Path(folder) / split).glob("*.parquet")):
        raise DatasetError(f"{folder} has no views in {split}/; write some with `vla vlm data output={folder}`")
    return Views(datasets.load_dataset(str(folder), split=split))  # pyright: ignore[reportArgumentType]
