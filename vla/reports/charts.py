"""Charts as inline SVG. Colours come from the page's style, so that they follow light and dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from vla.reports.scale import Axis, fit_axis, label

WIDTH, HEIGHT = 380, 230
"""Of a chart [px]; it is drawn at about this size on a phone, so that its text can be read."""
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 10, 38
"""Margins [px]."""
MAX_POINTS = 300
"""Longer lines are averaged down to this many points."""
EMPTY = Markup("")


@dataclass(frozen=True)
class Series:
    """One line of a chart."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


def rate_bar(rate: float, interval: Sequence[float]) -> Markup:
    """Return a bar from 0 to a rate with its interval; the numbers must be beside it."""
    low, high = (100 * value for value in interval)
    return Markup(
        '<svg class="bar" viewBox="0 0 100 16" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="16"/><rect class="fill" width="{:.2f}" height="16"/>'
        '<path class="whisker" d="M{:.2f} 8H{:.2f}M{:.2f} 3V13M{:.2f} 3V13"/></svg>'
    ).format(100 * rate, low, high, low, high)


def difference_bar(difference: float, interval: Sequence[float]) -> Markup:
    """Return a bar to the left or right of zero with its interval, from -1 to 1; the numbers must be beside it."""
    value, low, high = (50 + 50 * share for share in (difference, *interval))
    side = "better" if difference > 0 else "worse"
    return Markup(
        '<svg class="bar" viewBox="0 0 100 16" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="16"/><rect class="{}" x="{:.2f}" width="{:.2f}" height="16"/>'
        '<path class="axis" d="M50 0V16"/><path class="whisker" d="M{:.2f} 8H{:.2f}M{:.2f} 3V13M{:.2f} 3V13"/></svg>'
    ).format(side, min(50.0, value), abs(value - 50), low, high, low, high)


def line_chart(title: str, series: Sequence[Series], x_label: str, y_label: str = "") -> Markup:
    """Return a figure with up to three lines, or nothing if there are no points."""
    series = [thin(line) for line in series if len(line.x)]
    if not series:
        return EMPTY
    x = fit_axis([value for line in series for value in line.x], LEFT, WIDTH - RIGHT, log=False, tight=True)
    y = fit_axis([value for line in series for value in line.y], HEIGHT - BOTTOM, TOP)
    parts = [_grid(x, y, x_label, y_label)]
    for index, line in enumerate(series):
        points = [(x.place(a), y.place(b)) for a, b in zip(line.x, line.y, strict=True)]
        if len(points) == 1:
            parts.append(Markup('<circle class="dot{}" cx="{:.1f}" cy="{:.1f}" r="3"/>').format(index, *points[0]))
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        parts.append(Markup('<polyline class="line{}" points="{}"/>').format(index, path))
    ends = (f"{line.name} from {label(line.y[0])} to {label(line.y[-1])}" for line in series)
    keys = [line.name for line in series] if len(series) > 1 else []
    scale = ", logarithmic" if y.log else ""
    return _figure(title, f"{title} over {x_label}{scale}: {'; '.join(ends)}.", parts, keys)


def histogram(title: str, entry: Mapping[str, Sequence[float]], marks: Mapping[str, float]) -> Markup:
    """Return a figure of a latency histogram on a logarithmic axis.

    Args:
        title: what was timed.
        entry: ``edges_ms`` (bins + 1) and ``counts`` (bins).
        marks: name -> latency to mark with a line [ms].
    """
    edges, counts = entry["edges_ms"], entry["counts"]
    x = Axis(edges[0], edges[-1], LEFT, WIDTH - RIGHT, log=True)
    y = Axis(0, max(counts), HEIGHT - BOTTOM, TOP)
    parts = [_grid(x, y, "latency [ms]", "calls")]
    for (low, high), count in zip(pairwise(edges), counts, strict=True):
        left, right, top = x.place(low), x.place(high), y.place(count)
        parts.append(
            Markup('<rect class="fill" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
                left, top, max(right - left - 1, 1), y.start - top
            )
        )
    for index, value in enumerate(marks.values()):
        place = x.place(min(max(value, x.low), x.high))
        parts.append(Markup('<path class="mark{}" d="M{:.1f} {}V{}"/>').format(index, place, TOP, HEIGHT - BOTTOM))
    said = [f"{name} {value:g} ms" for name, value in marks.items()]
    total = f"{sum(counts):.0f} calls"
    return _figure(f"{title}, {total}", f"{title}: {total}; {'; '.join(said)}.", parts, said, kind="mark")


def value_histogram(title: str, ends: Sequence[float], counts: Sequence[int], x_label: str, y_label: str) -> Markup:
    """Return a figure of counts in equal bins on a linear axis.

    Args:
        title: what was counted.
        ends: low end of the first bin, and high end of the last one.
        counts: at least one, the largest above 0.
        x_label: of the values.
        y_label: of the counts.
    """
    low, high = ends
    x = fit_axis(ends, LEFT, WIDTH - RIGHT, log=False, tight=True)
    y = Axis(0, max(counts), HEIGHT - BOTTOM, TOP)
    parts = [_grid(x, y, x_label, y_label)]
    width = (x.place(high) - x.place(low)) / len(counts)
    for index, count in enumerate(counts):
        top = y.place(count)
        parts.append(
            Markup('<rect class="fill" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
                x.place(low) + index * width, top, max(width - 1, 1), y.start - top
            )
        )
    summary = f"{title}: {sum(counts)} {y_label} from {label(low)} to {label(high)}."
    return _figure(title, summary, parts, [])


def traces(summary: str, lines: Sequence[Sequence[float]]) -> Markup:
    """Return thin lines over a common time, each scaled to its own range, without axes."""
    parts = []
    for index, values in enumerate(lines):
        line = thin(Series("", range(len(values)), values))
        low, high = min(line.y), max(line.y)
        scale = 44 / (high - low) if high > low else 0.0
        step = 600 / max(len(line.y) - 1, 1)
        points = " ".join(f"{step * at:.1f},{47 - scale * (y - low):.1f}" for at, y in enumerate(line.y))
        parts.append(Markup('<polyline class="line{}" points="{}"/>').format(index % 3, points))
    return Markup(
        '<svg class="traces" viewBox="0 0 600 50" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(summary, EMPTY.join(parts))


def thin(line: Series, most: int = MAX_POINTS) -> Series:
    """Average neighbouring points until there are at most ``most``."""
    size = -(-len(line.x) // most)
    if size <= 1:
        return line
    starts = range(0, len(line.x), size)
    x, y = ([sum(v[s : s + size]) / len(v[s : s + size]) for s in starts] for v in (line.x, line.y))
    return Series(line.name, x, y)


def _grid(x: Axis, y: Axis, x_label: str, y_label: str) -> Markup:
    parts = []
    for tick in y.ticks():
        place = y.place(tick)
        parts.append(Markup('<path class="grid" d="M{} {:.1f}H{}"/>').format(LEFT, place, WIDTH - RIGHT))
        parts.append(
            Markup('<text x="{}" y="{:.1f}" text-anchor="end">{}</text>').format(LEFT - 5, place + 4, label(tick))
        )
    for tick in x.ticks(4):
        place = x.place(tick)
        anchor = "end" if place > WIDTH - RIGHT - 12 else "middle"
        parts.append(
            Markup('<text x="{:.1f}" y="{}" text-anchor="{}">{}</text>').format(
                place, HEIGHT - BOTTOM + 15, anchor, label(tick)
            )
        )
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(Markup('<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(middle, HEIGHT - 6, x_label))
    if y_label:
        parts.append(
            Markup('<text transform="translate(11 {:.1f}) rotate(-90)" text-anchor="middle">{}</text>').format(
                (TOP + HEIGHT - BOTTOM) / 2, y_label
            )
        )
    parts.append(Markup('<path class="axis" d="M{} {}H{}"/>').format(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT))
    return EMPTY.join(parts)


def _figure(title: str, summary: str, parts: Sequence[Markup], keys: Sequence[str], kind: str = "line") -> Markup:
    key = Markup(
        '<span><svg class="key" viewBox="0 0 24 8" aria-hidden="true"><path class="{}{}" d="M0 4H24"/></svg>{}</span> '
    )
    legend = EMPTY.join(key.format(kind, index, name) for index, name in enumerate(keys))
    return Markup(
        '<figure><figcaption>{}</figcaption><svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
        '<div class="legend">{}</div></figure>'
    ).format(title, WIDTH, HEIGHT, summary, EMPTY.join(parts), legend)
