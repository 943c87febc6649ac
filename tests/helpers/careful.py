from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vla.types import Observation


class Careful:
    """A safety filter that lets everything through, and holds where the arm is without a proposal."""

    def __init__(self) -> None:
        self.stopped = ""
        self.at_rest = False

    def stop(self, cause: str) -> None:
        self.stopped = self.stopped or cause

    def guard(
        self, proposal: NDArray | None, observation: Observation, time: float, planned_at: float | None
    ) -> NDArray[np.float32] | None:
        self.at_rest = proposal is None
        return observation.state if proposal is None else proposal.astype(np.float32)
