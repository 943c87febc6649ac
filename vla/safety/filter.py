"""The safety filter: the last thing before the robot, in every control tick."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vla.safety.envelope import Envelope, MotionState, resting
from vla.safety.limit import Array, Clamp, Monitor, Situation, Veto

SHORTER = (1.0, 0.5, 0.2)
"""Parts of the way to a target that are tried when a configuration on it is forbidden."""
SLIGHT = 1e-4
"""Change of a violation that counts as none [m]."""
ALTERED = 0.01
"""Smallest difference between proposal and command that counts as an intervention [units]."""
SPACING = 3.0
"""Largest joint motion between two configurations of a stop that are looked at [units]."""
ASTRAY = 30.0
"""Joints that are measured further out of their range than this are not there: the measurement is wrong [units]."""
SLOWEST = 0.1
"""Fraction of the velocity limit with which motion starts."""


class Decision(NamedTuple):
    """What becomes of a proposed action."""

    action: NDArray[np.float32] | None
    """What to send (n,), lerobot units; None to send nothing, because it is not known where the arm is."""
    causes: tuple[str, ...]
    """Why it is not the proposal; empty if it is."""
    held: bool
    """Whether the arm is brought to rest, or kept there, instead of moving on."""


class SafetyFilter:
    """Turns proposals into commands that keep all limits.

    What is sent in a tick always has a stop after it that keeps the limits, too, so there is a safe way on from
    everywhere. A stop that is latched holds until ``resume``; motion begins slowly after the start and after each stop.

    Args:
        envelope: limits of position, velocity, acceleration and jerk.
        clamps: applied to each target.
        vetoes: configurations that may not be entered.
        monitors: reasons to hold or to stop.
        ramp_seconds: time until the full speed is allowed [s].
    """

    def __init__(
        self,
        envelope: Envelope,
        clamps: Sequence[Clamp] = (),
        vetoes: Sequence[Veto] = (),
        monitors: Sequence[Monitor] = (),
        ramp_seconds: float = 2.0,
    ) -> None:
        self._envelope = envelope
        self._clamps, self._vetoes, self._monitors = tuple(clamps), tuple(vetoes), tuple(monitors)
        self._ramp_seconds = ramp_seconds
        self._state: MotionState | None = None
        self._target: Array | None = None
        self._moving_since: float | None = None
        self._stopped = ""
        self._tolerated: list[float] = []
        self.interventions: Counter[str] = Counter()
        """Ticks in which a cause changed something, by cause."""

    @property
    def stopped(self) -> str:
        """Why the arm is stopped for good; empty if it is not."""
        return self._stopped

    @property
    def at_rest(self) -> bool:
        """Whether the commands stand still."""
        return self._state is None or self._state.at_rest

    def stop(self, cause: str) -> None:
        """Stop for good: the arm comes to rest and stays there until ``resume``. The first cause is kept."""
        self._stopped = self._stopped or cause

    def resume(self) -> bool:
        """Lift a stop, once the arm is at rest; return whether it is lifted."""
        if not self.at_rest:
            return False
        self._stopped = ""
        self._state = None  # starts again from where the arm is then
        return True

    def restart(self) -> None:
        """Forget everything, as for another episode: no stop is latched, and the arm starts from where it then is."""
        self._state, self._target, self._stopped = None, None, ""
        self.interventions.clear()

    def decide(self, proposal: NDArray | None, situation: Situation) -> Decision:
        """Return what to send in this tick.

        Args:
            proposal: target joint positions (n,), lerobot units, or None if nobody proposes anything.
            situation: what is known now.
        """
        if self._state is None:
            if astray := self._astray(situation.measured):
                return self._send((astray,), held=True)
            self._start(situation)
        assert self._state is not None
        wanted = None if proposal is None else _numbers(proposal, len(self._envelope.low))
        cause = self._reason_to_hold(proposal, wanted, situation, self._state.position)
        if cause or wanted is None:
            return self._hold((cause,))
        target, causes = self._clamped(wanted, situation)
        speed = self._speed(situation.time)
        velocity = np.zeros_like(target) if self._target is None else (target - self._target) / self._envelope.period
        for part in SHORTER:
            there = self._state.position + part * (target - self._state.position)
            after = self._envelope.toward(self._state, there, part * velocity, speed)
            forbidden = self._forbidden(after)
            if forbidden is None:
                break
            causes.append(forbidden)
        else:
            return self._hold(tuple(dict.fromkeys(causes)))
        if part == 1.0 and np.abs(after.position - target).max() > ALTERED:
            causes.append("start-up ramp" if speed < 1.0 else "velocity, acceleration or jerk")
        self._state, self._target = after, target
        return self._send(tuple(dict.fromkeys(causes)), held=False)

    def _start(self, situation: Situation) -> None:
        self._state, self._target, self._moving_since = resting(situation.measured), None, None
        self._tolerated = [max(0.0, veto.violation(self._state.position)) for veto in self._vetoes]
        for monitor in self._monitors:
            monitor.reset()

    def _speed(self, time: float) -> float:
        """Return the fraction of the velocity limit that is allowed by now."""
        if self._ramp_seconds <= 0:
            return 1.0
        if self._moving_since is None:
            self._moving_since = time
        return float(np.clip((time - self._moving_since) / self._ramp_seconds, SLOWEST, 1.0))

    def _astray(self, measured: Array) -> str:
        """Return what is wrong with a measured position; "" if the arm may be there."""
        low, high = self._envelope.low, self._envelope.high
        if _numbers(measured, len(low)) is None:
            return "measured position is not finite"
        far = (measured < low - ASTRAY).any() or (measured > high + ASTRAY).any()
        return "measured position is far out of the joints' range" if far else ""

    def _reason_to_hold(
        self, proposal: NDArray | None, wanted: Array | None, situation: Situation, command: Array
    ) -> str:
        """Return why the arm must not move on, the gravest reason first; "" if there is none."""
        if astray := self._astray(situation.measured):
            return self._stopped or astray
        verdicts = [verdict for monitor in self._monitors if (verdict := monitor.judge(command, situation))]
        for verdict in verdicts:
            if verdict.latch:
                self.stop(verdict.cause)
        if self._stopped:
            return self._stopped
        if verdicts:
            return verdicts[0].cause
        if proposal is None:
            return "no action"
        return f"action is not {len(command)} finite numbers" if wanted is None else ""

    def _clamped(self, target: Array, situation: Situation) -> tuple[Array, list[str]]:
        causes = []
        inside = np.clip(target, self._envelope.low, self._envelope.high)
        if np.abs(inside - target).max() > ALTERED:
            causes.append("joint range")
        for clamp in self._clamps:
            target, inside = inside, clamp.clamp(inside, situation)
            if np.abs(inside - target).max() > ALTERED:
                causes.append(clamp.name)
        return inside, causes

    def _forbidden(self, after: MotionState) -> str | None:
        """Return which limit a step, or the stop after it, violates by more than is tolerated.

        Tolerated is what the arm began with, and less once it has come to less: a tolerance that followed the arm would
        let it creep.
        """
        path = _thinned([after.position, *(state.position for state in self._envelope.stop_path(after))])
        worst = [0.0] * len(self._vetoes)
        for position in path:
            for i, veto in enumerate(self._vetoes):
                worst[i] = max(worst[i], veto.violation(position))
                if worst[i] > self._tolerated[i] + SLIGHT:
                    return veto.name
        self._tolerated = [min(pair) for pair in zip(self._tolerated, worst, strict=True)]
        return None

    def _hold(self, causes: tuple[str, ...]) -> Decision:
        assert self._state is not None
        self._state, self._target = self._envelope.stop(self._state), None
        return self._send(causes, held=True)

    def _send(self, causes: tuple[str, ...], *, held: bool) -> Decision:
        self.interventions.update(causes)
        action = None if self._state is None else self._state.position.astype(np.float32)
        return Decision(action, causes, held)


def _numbers(values: object, count: int) -> Array | None:
    """Return ``values`` as an array (count,) of finite numbers; None if they are anything else."""
    try:
        array = np.asarray(values)
    except ValueError:  # lists within lists
        return None
    if array.shape != (count,) or array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        return None
    return array.astype(np.float64)


def _thinned(path: list[Array]) -> list[Array]:
    """Return the first and the last of ``path``, and what lies further than ``SPACING`` from the one before."""
    kept = [path[0]]
    for i, position in enumerate(path[1:], start=1):
        last = i == len(path) - 1
        if np.abs(position - kept[-1]).max() > (0.0 if last else SPACING):
            kept.append(position)
    return kept
