"""Instructions on their way to the control loop."""

from __future__ import annotations

import itertools
from collections import deque

_NUMBERS = itertools.count(1)


def new_number() -> int:
    """Return a number for an instruction that no other has in this process, whichever loop it goes to."""
    return next(_NUMBERS)


class Instructions:
    """A queue that any thread may put into, and one loop takes from."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, str]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, text: str, number: int | None = None) -> int:
        """Append an instruction; return its number, a new one unless given."""
        number = new_number() if number is None else number
        self._waiting.append((number, text))
        return number

    def take(self) -> tuple[int, str]:
        """Return the oldest one, with its number.

        Raises:
            IndexError: there is none.
        """
        return self._waiting.popleft()
