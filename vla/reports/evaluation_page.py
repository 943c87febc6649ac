"""One evaluation as a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from vla.evaluation.reading import Evaluation
from vla.evaluation.results import EpisodeRecord
from vla.evaluation.statistics import wilson_interval
from vla.reports.charts import histogram, rate_bar
from vla.reports.media import Video, place_videos
from vla.reports.origin import flatten, origin
from vla.reports.page import write_page

TIMED = ("policy", "planner")


@dataclass(frozen=True)
class Rate:
    """A row of a table of rates."""

    name: str
    rate: float
    interval: Sequence[float]
    count: int
    bar: Markup
    note: str = ""


def write_evaluation_page(evaluation: Evaluation, path: Path, embed_mb: float) -> Path:
    """Write the page of one evaluation and return its path.

    Args:
        evaluation: what `vla eval` wrote.
        path: HTML file.
        embed_mb: videos of failures are held by the page up to this size in all, and linked beyond it [MB].
    """
    values = evaluation.values
    success = values["success"]
    failures = [record for record in evaluation.records if not record.success]
    filmed = [(record, file) for record in failures if (file := video_file(evaluation, record))]
    videos = place_videos([file for _, file in filmed], path, embed_mb)
    gallery: list[tuple[EpisodeRecord, Video]] = [(r, video) for (r, _), video in zip(filmed, videos, strict=True)]
    return write_page(
        path,
        "evaluation.html",
        title=f"{values['policy']} on {values['suite']}",
        values=values,
        success=success,
        macro_bar=rate_bar(success["macro"], success["interval"]),
        tasks=[_task_rate(task, entry) for task, entry in success["per_task"].items()],
        groups=[_rate(group, entry) for group, entry in success["per_group"].items()],
        skills=skill_rates(evaluation.records),
        reasons=Counter(record.reason for record in failures).most_common(),
        failures=failures,
        gallery=gallery,
        latencies=latency_charts(values.get("latency", {})),
        options=flatten(values.get("options", {})),
        origins=[origin(evaluation.name, values)],
    )


def video_file(evaluation: Evaluation, record: EpisodeRecord) -> Path | None:
    """Return the video of an episode, where there is one.

    Evaluations that do not say which episodes they filmed have their videos in a folder named after the JSON.
    """
    file = evaluation.path.with_suffix("") / f"{record.task}-{record.seed}.mp4"
    named = evaluation.values.get("videos")
    if named is not None and f"{record.task}-{record.seed}" not in named:
        return None
    return file if file.is_file() else None


def skill_rates(records: Sequence[EpisodeRecord]) -> list[Rate]:
    """Return how often the subgoals of each skill were reached; a skill is the first word of a subgoal's text."""
    ended: dict[str, Counter[str]] = {}
    for record in records:
        for entry in record.subgoals:
            text, _, outcome = entry.rpartition(": ")
            ended.setdefault((text.split() or ["?"])[0], Counter())[outcome] += 1
    rates = []
    for skill, outcomes in sorted(ended.items()):
        reached, total = outcomes["reached"], outcomes.total()
        note = ", ".join(f"{count} × {outcome}" for outcome, count in outcomes.most_common() if outcome != "reached")
        ends = wilson_interval(reached, total)
        rates.append(Rate(skill, reached / total, ends, total, rate_bar(reached / total, ends), note))
    return rates


def latency_charts(latency: dict[str, Any]) -> list[Markup]:
    """Return a histogram of each latency that was recorded."""
    return [
        histogram(
            f"Latency of the {who}",
            latency[f"{who}_histogram"],
            {"p50": latency[f"{who}_p50_ms"], "p99": latency[f"{who}_p99_ms"]},
        )
        for who in TIMED
        if f"{who}_histogram" in latency
    ]


def _rate(name: str, entry: dict[str, Any]) -> Rate:
    return Rate(
        name, entry["success"], entry["interval"], entry["episodes"], rate_bar(entry["success"], entry["interval"])
    )


def _task_rate(name: str, entry: dict[str, Any]) -> Rate:
    rate, steps = _rate(name, entry), entry.get("steps_to_success")
    return Rate(rate.name, rate.rate, rate.interval, rate.count, rate.bar, "" if steps is None else f"{steps:.0f}")
