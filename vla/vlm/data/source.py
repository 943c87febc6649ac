"""Where views come from: a suite's simulation that knows the answers."""

from __future__ import annotations

from typing import Literal, Protocol, runtime_checkable

from vla.vlm.examples import View

Split = Literal["train", "test"]
SPLITS: tuple[Split, ...] = ("train", "test")


@runtime_checkable
class ViewSource(Protocol):
    """A simulation that shows moments of its episodes, with questions and answers."""

    def views(self, seed: int, split: Split, count: int, *, perturb: float) -> tuple[View, ...]:
        """Return ``count`` views of the episode of ``seed``, always the same ones.

        Args:
            seed: of everything about the episode.
            split: decides wordings and combinations.
            count: how many moments.
            perturb: strength of the expert's deliberate errors; 0 for none.
        """
        ...

    def close(self) -> None:
        """Free what drawing has taken."""
        ...
