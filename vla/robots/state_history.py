"""Where the joints were a moment ago, when the frames were taken that are only seen now."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

LENGTH = 32
"""Measurements that are kept: about a second's."""


class StateHistory:
    """Interpolates between past measurements."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=LENGTH)
        self._states: deque[NDArray[np.float32]] = deque(maxlen=LENGTH)

    def add(self, time: float, state: NDArray[np.float32]) -> None:
        """Note a measurement (n,); times [s] must grow."""
        self._times.append(time)
        self._states.append(state)

    def at(self, time: float) -> NDArray[np.float32]:
        """Return the state (n,) at ``time`` [s]; beyond either end, the one there.

        Raises:
            IndexError: nothing has been measured yet.
        """
        times = np.array(self._times)
        after = int(np.searchsorted(times, time))
        if after in (0, len(times)):
            return self._states[0 if after == 0 else -1]
        part = (time - times[after - 1]) / (times[after] - times[after - 1])
        return ((1 - part) * self._states[after - 1] + part * self._states[after]).astype(np.float32)
