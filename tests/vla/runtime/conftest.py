"""Toy loops for the tests in real time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.helpers.toy_loop import Goals, MakePlanner, MakePolicy, ToyLoop


@pytest.fixture
def setup() -> Iterator[Callable[..., ToyLoop]]:
    made: list[ToyLoop] = []

    def make(goals: Goals = ((70.0, 40.0), (40.0, 60.0)), policy: MakePolicy | None = None, **options: Any) -> ToyLoop:
        made.append(ToyLoop(MakePlanner(goals, **options), policy or MakePolicy()))
        return made[-1]

    yield make
    for one in made:
        one.close()
