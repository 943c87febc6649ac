"""Axes: where values go in a chart, and which of them are written beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

LOG_SPAN = 20.0
"""Positive values that span more than this factor get a logarithmic axis."""
LARGEST_SPAN = 1e30
"""Beyond this factor, the smallest values might as well be 0, and the axis is linear again."""
ROOM = 0.05
"""Free space beyond the values, as a part of what they span."""


@dataclass(frozen=True)
class Axis:
    """Maps values to pixels."""

    low: float
    high: float
    start: float
    """Pixel of ``low``."""
    end: float
    """Pixel of ``high``; below ``start`` on an axis that points upwards."""
    log: bool = False

    def place(self, value: float) -> float:
        """Return the pixel of a value."""
        low, high, value = (log10(v) if self.log else v for v in (self.low, self.high, value))
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def ticks(self, count: int = 5) -> list[float]:
        """Return about ``count`` round values between the ends."""
        return log_ticks(self.low, self.high) if self.log else linear_ticks(self.low, self.high, count)


def fit_axis(
    values: Sequence[float], start: float, end: float, *, log: bool | None = None, tight: bool = False
) -> Axis:
    """Return an axis that holds all values.

    Args:
        values: at least one.
        start: pixel of the low end.
        end: pixel of the high end.
        log: whether it is logarithmic; None decides by what the values span.
        tight: whether the axis ends with the values; otherwise there is some room.
    """
    low, high = min(values), max(values)
    if log is None:
        log = low > 0 and LOG_SPAN < high / low < LARGEST_SPAN
    if log:
        factor = 1.0 if tight and high > low else max((high / low) ** ROOM, 1.05)
        return Axis(low / factor, high * factor, start, end, log=True)
    room = 0.0 if tight and high > low else (high - low) * ROOM or abs(high) * ROOM or 1.0
    return Axis(low - room, high + room, start, end)


def linear_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return multiples of 1, 2 or 5 times a power of ten within ``low`` and ``high``, about ``count`` of them."""
    rough = (high - low) / max(count, 1)
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return powers of ten within ``low`` and ``high``; 2 and 5 times them, too, where there are fewer than three."""
    powers = range(floor(log10(low)), ceil(log10(high)) + 1)
    for factors in ((1,), (1, 2, 5)):
        ticks = [factor * 10.0**power for power in powers for factor in factors]
        ticks = [tick for tick in ticks if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]
        if len(ticks) >= 3:
            break
    return ticks or linear_ticks(low, high, 3)


def label(value: float) -> str:
    """Write a tick briefly: ``2k``, ``0.05``, ``1e-05``."""
    if value == 0 or abs(value) < 1e-12:
        return "0"
    if abs(value) >= 1e6:
        return f"{value / 1e6:.3g}M"
    if abs(value) >= 1e4:
        return f"{value / 1e3:.3g}k"
    return f"{value:.4g}" if abs(value) >= 1e-3 else f"{value:.0e}"
