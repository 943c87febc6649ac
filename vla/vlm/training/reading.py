"""Reads views from Parquet shards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vla.errors import DatasetError
from vla.types import Box
from vla.vlm.examples import Question, Region, View


class _Views(Sequence[View]):
    def __init__(self, table: Any) -> None:
        self.table = table

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, index: Any) -> Any:
        row = self.table[index]
        questions = [Question(**{**q, "boxes": tuple(Box(*box) for box in q["boxes"])}) for q in row.pop("questions")]
        regions = [Region(r["phrase"], Box(*r["box"]), r["visible"]) for r in row.pop("regions")]
        images = tuple(image["bytes"] for image in row.pop("images"))
        return View(images, tuple(row.pop("cameras")), tuple(questions), tuple(regions), **row)


def load_views(folder: str | Path, split: str) -> Sequence[View]:
    """Return the views of a split, read one by one as they are asked for.

    Raises:
        DatasetError: the folder has no such split.
    """
    files = sorted(Path(folder).expanduser().glob(f"{split}/*.parquet"))
    if not files:
        raise DatasetError(f"{folder} holds no {split} split: there are no {split}/*.parquet")
    import datasets

    return _Views(
        datasets.Dataset.from_parquet([str(file) for file in files]).cast_column(  # pyright: ignore
            "images", datasets.List(datasets.Image(decode=False))
        )
    )
