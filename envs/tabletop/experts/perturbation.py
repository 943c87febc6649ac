"""Disturbed execution: what the arm does differs from what the expert asks, so that recoveries are demonstrated.

Noise injection after Laskey et al., "DART: Noise Injection for Robust Imitation Learning", CoRL 2017: the expert's
clean action is the label, the disturbed one is executed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NOISE = 0.7
"""Standard deviation of the white noise on each arm joint [deg]."""
MISS_RATE = 0.5
"""How often a lasting deflection begins [1/s]."""
MISS_SECONDS = (0.25, 0.8)
"""Duration of a deflection [s]."""
MISS_SIZE = np.array([6.0, 3.6, 3.6, 6.0, 12.0, 0.0])
"""Standard deviation of a deflection, a joint [deg]."""
DROP_RATE = 0.02
"""How often the gripper lets go while closed [1/s]."""
DROP_SECONDS = 0.5
"""How long it stays open then [s]."""
OPENED = 60.0
"""Gripper opening then [0-100]."""
STRENGTHS = ((0.15, 0.35), (0.6, 0.25), (1.0, 0.25), (1.4, 0.15))
"""(strength, probability) a demonstration: a third is hardly disturbed, so that the plain path is seen as well."""


class Perturbation:
    """Turns clean actions into disturbed ones.

    Args:
        rng: source of the disturbances.
        control_hz: control rate [Hz].
        scale: multiplies the strength of everything.
    """

    def __init__(self, rng: np.random.Generator, control_hz: float, scale: float) -> None:
        self._rng, self._hz = rng, control_hz
        strengths, probabilities = zip(*STRENGTHS, strict=True)
        self._strength = scale * float(rng.choice(strengths, p=probabilities))
        self._deflection = np.zeros(6)
        self._deflection_ticks = 0
        self._drop_ticks = 0
        self._smooth = np.zeros(6)

    def __call__(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what is executed (6,) for a clean action (6,)."""
        rng = self._rng
        if self._deflection_ticks == 0 and self._begins(MISS_RATE):
            self._deflection_ticks = int(rng.uniform(*MISS_SECONDS) * self._hz)
            self._deflection = rng.normal(0, self._strength * MISS_SIZE)
        if self._drop_ticks == 0 and action[5] < 20 and self._begins(DROP_RATE):
            self._drop_ticks = int(DROP_SECONDS * self._hz)
        self._smooth += 0.25 * ((self._deflection if self._deflection_ticks else 0.0) - self._smooth)
        self._deflection_ticks = max(0, self._deflection_ticks - 1)
        noise = rng.normal(0, NOISE * self._strength, 6) * [1, 1, 1, 1, 1, 0]
        executed = action + self._smooth + noise
        if self._drop_ticks:
            self._drop_ticks -= 1
            executed[5] = OPENED
        return executed.astype(np.float32)

    def _begins(self, rate: float) -> bool:
        return bool(self._rng.random() < rate * self._strength / self._hz)
