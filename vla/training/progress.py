"""What a training run reports while it goes on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """What a run reports while it goes on."""

    stage: str
    """``decoding frames``, then ``training``."""
    fraction: float
    """Part of the stage that is done."""
    total: int
    """Frames to decode, or updates the run is planned to take."""
    step: int = 0
    """Updates made."""
    loss: float = math.nan
    val_loss: float = math.nan
    samples_per_second: float = math.nan


Report = Callable[[Progress], None]
