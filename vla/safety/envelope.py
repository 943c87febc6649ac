"""The motion envelope: joint range, velocity, acceleration and jerk of the commands, always with a way left to stop.

A command is accepted only if a stop that keeps all limits follows it. As that stop is itself such a command, there is
always one: by induction no command ever leaves the envelope. Fail-safe trajectories after Magdici and Althoff,
"Fail-safe motion planning of autonomous vehicles", 2016; here in discrete time and for each joint by itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vla.errors import ConfigError

Array = NDArray[np.float64]

STILL = 1e-9
"""Velocities and accelerations below this count as none."""
OFF = 1e12
"""Stands for a limit that is switched off."""
CANDIDATES = 17
"""Accelerations that are tried at once; a second round refines the best."""


class MotionState(NamedTuple):
    """A command with its derivatives, units of the joints and seconds; arrays (..., n)."""

    position: Array
    velocity: Array
    acceleration: Array

    @property
    def at_rest(self) -> bool:
        """Whether nothing moves."""
        return bool(np.abs(self.velocity).max() < STILL and np.abs(self.acceleration).max() < STILL)


def resting(position: ArrayLike) -> MotionState:
    """Return the state of standing still at ``position`` (n,)."""
    position = np.array(position, dtype=np.float64)
    return MotionState(position, np.zeros_like(position), np.zeros_like(position))


class Envelope:
    """Limits of the commands of ``n`` joints; infinity switches one off.

    Args:
        low: lower end of each joint's range.
        high: upper end.
        velocity: largest velocity [units/s].
        acceleration: largest acceleration [units/s²].
        jerk: largest change of acceleration [units/s³].
        period: time between commands [s].

    Raises:
        ConfigError: a limit is not positive, a range is empty, or the sizes differ.
    """

    def __init__(
        self,
        low: ArrayLike,
        high: ArrayLike,
        velocity: ArrayLike,
        acceleration: ArrayLike,
        jerk: ArrayLike,
        period: float,
    ) -> None:
        self.low, self.high = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
        if self.low.shape != self.high.shape or not (self.low < self.high).all():
            raise ConfigError(f"joint ranges must be from low to high; got {self.low.tolist()} to {self.high.tolist()}")
        self.velocity = _positive("velocity", velocity, self.low.shape)
        self.acceleration = _positive("acceleration", acceleration, self.low.shape)
        self.jerk = _positive("jerk", jerk, self.low.shape)
        if not period > 0:
            raise ConfigError(f"the control period must be positive; got {period} s")
        self.period = period
        self._change = self.jerk * period  # of acceleration in a step
        self._jerk_step = np.minimum(self._change, 2 * self.acceleration)

    def stop(self, state: MotionState) -> MotionState:
        """Return the first step of the quickest smooth stop."""
        return self._step(state, self._braking(state))

    def stop_path(self, state: MotionState) -> list[MotionState]:
        """Return the steps from ``state``, itself excluded, until everything stands still."""
        path = []
        while not state.at_rest:
            state = self.stop(state)
            path.append(state)
        return path

    def toward(self, state: MotionState, target: Array, target_velocity: Array, speed: float = 1.0) -> MotionState:
        """Return the next step toward a target (n,), each joint by itself.

        A target that moves no faster than it may is met exactly. One further off is approached as fast as the limits
        allow, and without overshooting.

        Args:
            state: the last command.
            target: where to go.
            target_velocity: how the target itself moves [units/s].
            speed: fraction of the velocity limit to use.
        """
        low, high = self._range(state)
        target = np.clip(target, low, high)
        wanted = (target - state.position) / self.period
        exact = (wanted - state.velocity) / self.period
        least, most = self._reach(state)
        quick = np.minimum(self.acceleration, self.jerk * self.period) * self.period  # change of velocity in a step
        met = (np.abs(wanted - target_velocity) <= quick) & (exact >= least) & (exact <= most)
        braking = self._braking(state)
        viable, ends = self._viable(state, np.stack([np.where(met, exact, 0.0), braking]), speed)
        met &= viable[0]
        if met.all():
            return self._meet(state, target, exact, met)
        rests_at = ends[1]
        best, other = braking, np.where(target > rests_at, most, least)
        for _ in range(2):
            tries = best + np.linspace(0, 1, CANDIDATES)[:, None] * (other - best)  # (K, n)
            viable, ends = self._viable(state, tries, speed)
            short = np.where(target > rests_at, ends <= target + STILL, ends >= target - STILL)
            good = np.logical_and.accumulate(viable & short, axis=0)
            good[0] = True
            last = good.sum(axis=0) - 1
            joints = np.arange(len(last))
            best, other = tries[last, joints], tries[np.minimum(last + 1, CANDIDATES - 1), joints]
        return self._meet(state, target, np.where(met, exact, best), met)

    def _meet(self, state: MotionState, target: Array, acceleration: Array, met: Array) -> MotionState:
        """Return the step with that acceleration, exactly at the target where it is met."""
        after = self._step(state, acceleration)
        return after._replace(position=np.where(met, target, after.position))

    def _range(self, state: MotionState) -> tuple[Array, Array]:
        """Return the joint ranges; a joint that is outside of its own may come back, but not go further."""
        return np.minimum(self.low, state.position), np.maximum(self.high, state.position)

    def _reach(self, state: MotionState) -> tuple[Array, Array]:
        """Return the least and the greatest acceleration that the next step may have."""
        least = np.maximum(state.acceleration - self._change, -self.acceleration)
        return least, np.minimum(state.acceleration + self._change, self.acceleration)

    def _step(self, state: MotionState, acceleration: Array) -> MotionState:
        velocity = state.velocity + acceleration * self.period
        velocity = np.where(np.abs(velocity) < STILL, 0.0, velocity)
        return MotionState(state.position + velocity * self.period, velocity, acceleration)

    def _braking(self, state: MotionState) -> Array:
        """Return the acceleration (..., n) that ends, by steps of at most the jerk limit, at rest without turning back.

        With steps of ``s = jerk * period`` down to zero, an acceleration ``a`` of ``m = floor(a / s)`` whole steps
        takes away the velocity ``period * ((m + 1) * a - s * m * (m + 1) / 2)``; this is solved for ``a``.
        """
        needed = np.abs(state.velocity) / self.period
        whole = np.floor((np.sqrt(1 + needed * (8 / self._jerk_step)) - 1) / 2)
        size = needed / (whole + 1) + self._jerk_step / 2 * whole
        least, most = self._reach(state)
        return np.minimum(np.maximum(-np.copysign(size, state.velocity), least), most)

    def _viable(self, state: MotionState, accelerations: Array, speed: float) -> tuple[Array, Array]:
        """Try accelerations (K, n) for the next step, with a stop after each.

        Returns:
            Whether that stays within range and velocity (K, n), and where it comes to rest (K, n).
        """
        low, high = self._range(state)
        low, high = low - STILL, high + STILL
        limit = np.maximum(speed * self.velocity, np.abs(state.velocity)) + STILL
        limit = np.minimum(limit, self.velocity + STILL)
        now = self._step(state, accelerations)
        viable = np.ones(accelerations.shape, dtype=bool)
        while True:
            viable &= (now.position >= low) & (now.position <= high) & (np.abs(now.velocity) <= limit)
            if now.at_rest:
                return viable, now.position
            now = self.stop(now)


def _positive(name: str, limit: ArrayLike, shape: tuple[int, ...]) -> Array:
    """Return a limit for each joint; infinite ones become large enough to be switched off."""
    array = np.broadcast_to(np.asarray(limit, dtype=np.float64), shape)
    if not (array > 0).all():
        raise ConfigError(f"the {name} limit must be positive; got {array.tolist()}")
    return np.minimum(array, OFF)
