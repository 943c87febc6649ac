"""Value ranges from data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SMALLEST_RANGE = 1e-3


def robust_range(
    values: NDArray[np.floating], *, quantile: float, margin: float = 0.02
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the range of each column, never empty.

    Args:
        values: samples along the first axis (N, ...).
        quantile: fraction cut off at either end; 0 for the extremes.
        margin: what to add at either end, as a fraction of the range.

    Returns:
        Lower and upper ends (...).
    """
    low = np.quantile(values, quantile, axis=0)
    high = np.quantile(values, 1 - quantile, axis=0)
    slack = np.maximum(margin * (high - low), SMALLEST_RANGE)
    return (low - slack).astype(np.float32), (high + slack).astype(np.float32)
