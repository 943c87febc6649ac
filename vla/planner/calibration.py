"""How well the monitor's bands divide a model's answers, and where they would have to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vla.planner.monitor import MEASURED, Monitor, Verdict
from vla.planner.scoring import Outcome
from vla.vlm.prompts import NO, YES

FALSE_SUCCESS = 0.02
"""Part of what is not reached that may be taken for reached."""
FALSE_FAILURE = 0.03
"""Part of what is reached that may be taken for failed."""
GRID = tuple(round(0.01 * percent, 2) for percent in range(1, 100))
"""Bands that are tried."""


@dataclass(frozen=True)
class Calibration:
    """What a monitor makes of answers: each pair is a count and what it is out of."""

    monitor: Monitor
    false_success: tuple[int, int]
    """Taken for reached, of those that are not."""
    false_failure: tuple[int, int]
    """Taken for failed, of those that are reached."""
    undecided: tuple[int, int]
    """Of those that can be seen."""


def asked(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return the answers that a monitor judges: of skills whose outcome is asked for, not measured."""
    return [o for o in outcomes if o.probabilities and o.about.partition(" ")[0] not in MEASURED]


def calibrate(monitor: Monitor, answers: Sequence[Outcome]) -> Calibration:
    """Return what a monitor makes of answers that are `asked`."""
    judged = [(monitor.judge(answer.probabilities or ()), answer.expected) for answer in answers]
    of = {truth: [verdict for verdict, right in judged if right == truth] for truth in (YES, NO)}
    seen = of[YES] + of[NO]
    return Calibration(
        monitor,
        (of[NO].count(Verdict.REACHED), len(of[NO])),
        (of[YES].count(Verdict.NOT_REACHED), len(of[YES])),
        (seen.count(Verdict.UNSURE) + seen.count(Verdict.OPEN), len(seen)),
    )


def fitted(answers: Sequence[Outcome]) -> Monitor | None:
    """Return the bands that decide most and are wrong as seldom as `FALSE_SUCCESS` and `FALSE_FAILURE` ask for.

    They fit these answers; how well they divide others is to be measured on others. None where no bands do.
    """
    above = [band for band in GRID if _is_rare(calibrate(Monitor(band, 0.0), answers).false_success, FALSE_SUCCESS)]
    below = [band for band in GRID if _is_rare(calibrate(Monitor(1.0, band), answers).false_failure, FALSE_FAILURE)]
    if not above or not below:
        return None
    lowest, highest = above[0], below[-1]
    if lowest > highest:
        return Monitor(lowest, highest)
    middle = round((lowest + highest) / 2, 2)  # the answers need no gap: as far from either as can be
    return Monitor(middle, round(middle - 0.01, 2))


def _is_rare(wrong: tuple[int, int], allowed: float) -> bool:
    return wrong[0] <= allowed * wrong[1]
