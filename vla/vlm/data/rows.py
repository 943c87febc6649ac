"""A view as a row of a table, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import datasets

from vla.types import Box
from vla.vlm.examples import Question, Region, View

_BOX = {"camera": datasets.Value("string"), **{edge: datasets.Value("float32") for edge in ("x0", "y0", "x1", "y1")}}
FEATURES = datasets.Features(
    {
        "images": datasets.List(datasets.Image()),
        "cameras": datasets.List(datasets.Value("string")),
        "questions": datasets.List(
            {
                **{name: datasets.Value("string") for name in ("kind", "prompt", "answer", "rejected", "truth")},
                "boxes": datasets.List(_BOX),
            }
        ),
        "regions": datasets.List(
            {
                **{name: datasets.Value("string") for name in ("phrase", "state")},
                "box": _BOX,
                "visible": datasets.Value("float32"),
            }
        ),
        "seed": datasets.Value("int64"),
        "task": datasets.Value("string"),
        "time": datasets.Value("float32"),
    }
)
"""Columns of a shard; pictures are embedded."""


def to_row(view: View) -> dict[str, Any]:
    """Return a view as a row with columns `FEATURES`."""
    return {**asdict(view), "images": [{"bytes": image, "path": None} for image in view.images]}


def from_row(row: Mapping[str, Any]) -> View:
    """Return a row whose pictures are not decoded as a view."""
    return View(
        images=tuple(image["bytes"] for image in row["images"]),
        cameras=tuple(row["cameras"]),
        questions=tuple(
            Question(**{**question, "boxes": tuple(_box(box) for box in question["boxes"])})
            for question in row["questions"]
        ),
        regions=tuple(Region(**{**region, "box": _box(region["box"])}) for region in row["regions"]),
        seed=row["seed"],
        task=row["task"],
        time=row["time"],
    )


def _box(box: Mapping[str, Any]) -> Box:
    edges = {name: min(1.0, max(0.0, box[name])) for name in ("x0", "y0", "x1", "y1")}
    return Box(**edges, camera=box["camera"])
