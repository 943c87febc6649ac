"""Adversarial commands through the safety filter: does anything that comes out of it break a limit?

The commands come in episodes of one kind each. Beside them, the filter is told of joint positions and time stamps that
may be wrong, and stops are requested and lifted. What it lets through is judged by ``vla.bench.limit_check``.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from vla.bench.adversary import ATTACKS, Bounds, Liar, draw_start
from vla.bench.limit_check import TOLERANCES, LimitCheck
from vla.bench.report import Report, row
from vla.cli.options import check_range, env_options, output_file, worker_count
from vla.cli.progress import Reporter
from vla.cli.rollouts import open_suite
from vla.cli.safety import make_filter, required_safety
from vla.data.json_file import whole_lines
from vla.errors import ConfigError
from vla.runtime.workers import run_jobs
from vla.safety.filter import SafetyFilter
from vla.types import ArmDescription

EPISODE = 1000
"""Commands of one kind."""
STOPS, OPERATOR = 0.002, 0.1
"""Probability in a tick that somebody stops the arm, and that the operator then lets it go on."""
RAISED = "raised an error"


@dataclass
class Outcome:
    """What came of an episode."""

    attack: str
    commands: int = 0
    sent: int = 0
    violations: dict[str, int] = field(default_factory=lambda: dict.fromkeys((*TOLERANCES, RAISED), 0))
    worst: dict[str, float] = field(default_factory=dict)
    """Largest excess over each limit, tolerances not counted; negative where there is some way to it left."""
    interventions: dict[str, int] = field(default_factory=dict)
    held: int = 0
    stops: int = 0
    """Stops that were latched, and lifted again if there was time."""
    seconds: float = 0.0
    """Time spent in the filter [s]."""
    slowest: float = 0.0
    median: float = 0.0


@dataclass(frozen=True)
class MakeTrial:
    """Sets up what tries episodes, in each process."""

    options: Mapping[str, Any]
    env: Mapping[str, Any]
    commands: int
    seed: int

    def __call__(self) -> Callable[[int], Outcome]:
        """Return what tries the episode of a number."""
        simulation: Any = open_suite("tabletop").make(**self.env)
        arm, hz = simulation.describe_arm(), simulation.control_hz
        filter_, check = make_filter(self.options, arm, hz), LimitCheck(arm, self.options, 1 / hz)
        bounds = Bounds(
            arm.low.astype(np.float64),
            arm.high.astype(np.float64),
            self.options["velocity"],
            self.options["acceleration"],
            1 / hz,
        )

        def attempt(number: int) -> Outcome:
            ticks = min(EPISODE, self.commands - number * EPISODE)
            return _attempt(filter_, check, arm, bounds, np.random.default_rng([self.seed, number]), number, ticks)

        return attempt


def run(config: DictConfig) -> Report:
    """Send ``commands=`` commands; see ``configs/bench.yaml``. An interrupted run goes on where it stopped.

    Raises:
        ConfigError: a limit is switched off.
    """
    check_range("commands", config.commands, 1)
    options = required_safety(config, "it is the safety filter that is attacked")
    if off := [name for name, value in options.items() if value is None]:
        raise ConfigError(f"all limits must be on; switched off: {', '.join(off)}")
    workers, commands = worker_count(config), int(config.commands)
    numbers = range(-(-commands // EPISODE))
    path = output_file(config.output or "outputs/bench/safety.json").with_suffix(".progress.jsonl")
    identity = {"commands": commands, "seed": config.seed, "limits": options, "episode": EPISODE}
    done = _resumed(path, json.dumps(identity, sort_keys=True))
    trial = MakeTrial(options, env_options(config), commands, int(config.seed))
    waiting = [number for number in numbers if number not in done]
    begun = time.monotonic()
    with Reporter("attacking the safety filter", len(numbers), len(done)) as reporter, path.open("a") as file:
        for number, outcome in run_jobs(trial, waiting, workers):
            done[number] = outcome
            file.write(json.dumps([number, asdict(outcome)]) + "\n")
            file.flush()
            broken = sum(sum(one.violations.values()) for one in done.values())
            reporter.update(len(done), f"{broken} violations")
    elapsed = time.monotonic() - begun
    path.unlink()
    return _summary([done[number] for number in numbers], identity, elapsed, EPISODE * len(waiting), workers)


def _attempt(
    filter_: SafetyFilter,
    check: LimitCheck,
    arm: ArmDescription,
    bounds: Bounds,
    random: np.random.Generator,
    number: int,
    ticks: int,
) -> Outcome:
    """Try one episode."""
    name = list(ATTACKS)[number % len(ATTACKS)]
    start = draw_start(random, arm)
    liar, attack = Liar(random, start), ATTACKS[name](random, bounds, start)
    outcome, seconds = Outcome(name, commands=ticks), np.zeros(ticks)
    filter_.restart()
    begins_at: NDArray[np.float64] | None = None
    sent: list[NDArray[np.float32]] = []
    for tick in range(ticks):
        proposal, situation = next(attack), liar.situation(tick * bounds.period)
        if random.random() < STOPS:
            filter_.stop("emergency stop")
        if filter_.stopped and random.random() < OPERATOR and filter_.resume():
            _judge(check, begins_at, sent, outcome)
            begins_at, sent = None, []
            outcome.stops += 1
        started = time.perf_counter()
        try:
            decision = filter_.decide(proposal, situation)
        except Exception:  # whatever it is, the arm would be without a command
            outcome.violations[RAISED] += 1
            continue
        finally:
            seconds[tick] = time.perf_counter() - started
        outcome.held += decision.held
        if decision.action is None:
            continue
        if begins_at is None:
            begins_at = situation.measured
        sent.append(decision.action)
        liar.follow(decision.action.astype(np.float64))
    _judge(check, begins_at, sent, outcome)
    outcome.interventions = dict(filter_.interventions)
    outcome.seconds, outcome.median, outcome.slowest = float(seconds.sum()), float(np.median(seconds)), seconds.max()
    return outcome


def _judge(
    check: LimitCheck, begins_at: NDArray[np.float64] | None, sent: list[NDArray[np.float32]], outcome: Outcome
) -> None:
    """Count what breaks a limit in a stretch of commands."""
    if begins_at is None or not sent:
        return
    outcome.sent += len(sent)
    for name, excess in check.excesses(begins_at, np.stack(sent)).items():
        outcome.violations[name] += int(np.count_nonzero(~(excess <= TOLERANCES[name])))
        outcome.worst[name] = max(outcome.worst.get(name, -np.inf), float(excess.max()))


def _resumed(path: Path, identity: str) -> dict[int, Outcome]:
    """Return the episodes that an interrupted run of the same kind has left in its file; start one if there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = whole_lines(path)
    if not whole or whole[0].rstrip("\n") != identity:
        whole = [identity + "\n"]
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text("".join(whole))
    fresh.replace(path)
    return {number: Outcome(**outcome) for number, outcome in map(json.loads, whole[1:])}


def _summary(
    outcomes: list[Outcome], identity: Mapping[str, Any], elapsed: float, commands: int, workers: int
) -> Report:
    violations: Counter[str] = Counter()
    interventions: Counter[str] = Counter()
    attacks: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        violations.update(outcome.violations)
        interventions.update(outcome.interventions)
        counts = attacks.setdefault(outcome.attack, Counter())
        counts.update({"commands": outcome.commands, "held": outcome.held, "stops": outcome.stops})
        counts["violations"] += sum(outcome.violations.values())
    worst = {name: max(outcome.worst.get(name, -np.inf) for outcome in outcomes) for name in TOLERANCES}
    total = sum(outcome.commands for outcome in outcomes)
    settings = dict(identity) | {
        "sent": sum(outcome.sent for outcome in outcomes),
        "violations": dict(violations),
        "tolerances": TOLERANCES,
        "worst_excess": {name: round(value, 7) for name, value in worst.items()},
        "interventions": dict(interventions.most_common()),
        "attacks": {name: dict(counts) for name, counts in attacks.items()},
        "commands_per_second": round(commands / max(elapsed, 1e-9), 1) if commands else None,
        "workers": workers,
        "slowest_ms": round(1e3 * max(outcome.slowest for outcome in outcomes), 2),
    }
    rows = {name: row([o.median for o in outcomes if o.attack == name]) for name in attacks}
    notes = [f"{total} commands, {settings['sent']} sent, violations: {sum(violations.values())}"]
    notes += [
        f"  {name}: {violations[name]}, worst {worst[name]:+.3g} (tolerance {tolerance:g})"
        for name, tolerance in TOLERANCES.items()
    ]
    notes.append(f"  errors raised: {violations[RAISED]}")
    notes += [f"  {count} times: {cause}" for cause, count in interventions.most_common()]
    return Report("safety", "", rows, {}, settings, notes)
