"""No command leaves the envelope, whatever is asked for, and what may be followed is followed exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla.errors import ConfigError
from vla.safety.envelope import Envelope, MotionState, resting

PERIOD = 1 / 30
LOW, HIGH = np.array([-100.0, -20.0]), np.array([100.0, 20.0])
TOLERANCE = 1e-6


def make(velocity: float = 200.0, acceleration: float = 3000.0, jerk: float = 60_000.0) -> Envelope:
    return Envelope(LOW, HIGH, velocity, acceleration, jerk, PERIOD)


def follow(envelope: Envelope, targets: np.ndarray, state: MotionState) -> list[MotionState]:
    path = [state]
    before = targets[0]
    for target in targets:
        path.append(envelope.toward(path[-1], target, (target - before) / PERIOD))
        before = target
    return path


def assert_within(envelope: Envelope, positions: np.ndarray) -> None:
    """Check positions (T, n), at rest before their beginning, by finite differences."""
    still = np.repeat(positions[:1], 3, axis=0)
    velocity = np.diff(np.concatenate([still, positions]), axis=0) / PERIOD
    acceleration = np.diff(velocity, axis=0) / PERIOD
    jerk = np.diff(acceleration, axis=0) / PERIOD
    assert np.all(positions >= envelope.low - TOLERANCE)
    assert np.all(positions <= envelope.high + TOLERANCE)
    assert np.all(np.abs(velocity) <= envelope.velocity + TOLERANCE)
    assert np.all(np.abs(acceleration) <= envelope.acceleration + TOLERANCE * 1e3)
    assert np.all(np.abs(jerk) <= envelope.jerk + TOLERANCE * 1e5)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(["white", "bang", "walk", "huge"]),
    jerk=st.sampled_from([6e3, 6e4, 1e6, np.inf]),
    velocity=st.sampled_from([30.0, 200.0, np.inf]),
)
def test_commands_stay_within_all_limits_whatever_is_asked(seed: int, kind: str, jerk: float, velocity: float) -> None:
    rng = np.random.default_rng(seed)
    count = 60
    targets = {
        "white": lambda: rng.uniform(1.5 * LOW, 1.5 * HIGH, (count, 2)),
        "bang": lambda: np.where(rng.random((count, 2)) < 0.1, HIGH, LOW)[rng.integers(0, count, count)],
        "walk": lambda: np.cumsum(rng.normal(0, 8, (count, 2)), axis=0),
        "huge": lambda: rng.choice([-1e30, 1e30], (count, 2)),
    }[kind]()
    envelope = make(velocity, jerk=jerk)
    path = follow(envelope, targets, resting([0.0, 0.0]))
    path += envelope.stop_path(path[-1])
    assert path[-1].at_rest
    assert_within(envelope, np.array([state.position for state in path]))


def test_motion_within_the_limits_passes_unaltered() -> None:
    times = np.arange(90) * PERIOD
    targets = np.stack([60 * (1 - np.cos(2 * times)) / 2, 15 * (1 - np.cos(3 * times)) / 2], axis=1)
    path = follow(make(), targets, resting([0.0, 0.0]))
    np.testing.assert_allclose([state.position for state in path[1:]], targets, atol=1e-9)


@pytest.mark.parametrize("jerk", [6e3, 6e4, np.inf])
@pytest.mark.parametrize("distance", [0.5, 7.0, 90.0, -60.0])
def test_a_distant_target_is_reached_without_overshooting_and_then_kept(distance: float, jerk: float) -> None:
    targets = np.tile([distance, 0.0], (120, 1))
    path = follow(make(jerk=jerk), targets, resting([0.0, 0.0]))
    positions = np.array([state.position[0] for state in path])
    assert np.all(np.abs(positions) <= abs(distance) + 0.01 * abs(distance) + 1e-6)
    assert np.all(np.diff(positions) * np.sign(distance) >= -0.02 * abs(distance))
    assert positions[-1] == pytest.approx(distance, abs=1e-6)
    fastest = abs(distance) / 200.0 + 200.0 / 3000.0 + 2 * 3000.0 / min(jerk, 9e4)
    assert np.flatnonzero(np.abs(positions - distance) < 0.1)[0] * PERIOD < 1.5 * fastest + 5 * PERIOD


def test_a_stop_is_smooth_short_and_never_turns_back() -> None:
    envelope = make()
    path = follow(envelope, np.tile([90.0, 0.0], (10, 1)), resting([0.0, 0.0]))
    moving = path[-1]
    assert moving.velocity[0] > 100
    stop = envelope.stop_path(moving)
    positions = np.array([state.position[0] for state in [moving, *stop]])
    assert np.all(np.diff(positions) >= -TOLERANCE)
    assert len(stop) * PERIOD < 0.3
    assert stop[-1].at_rest


def test_a_joint_outside_its_range_may_come_back_only() -> None:
    envelope = make()
    start = resting([120.0, 0.0])
    away = follow(envelope, np.tile([150.0, 0.0], (20, 1)), start)
    assert max(state.position[0] for state in away) <= 120.0 + TOLERANCE
    back = follow(envelope, np.tile([90.0, 0.0], (60, 1)), start)
    assert back[-1].position[0] == pytest.approx(90.0)


def test_a_reduced_speed_is_kept() -> None:
    envelope = make()
    state, fastest = resting([0.0, 0.0]), 0.0
    for _ in range(30):
        state = envelope.toward(state, np.array([90.0, 0.0]), np.zeros(2), speed=0.25)
        fastest = max(fastest, state.velocity[0])
    assert 40.0 < fastest <= 50.0 + TOLERANCE


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"velocity": 0.0}, "velocity"),
        ({"jerk": -1.0}, "jerk"),
        ({"period": 0.0}, "period"),
        ({"low": [5.0, 50.0]}, "range"),
    ],
)
def test_impossible_limits_are_refused(changes: dict, message: str) -> None:
    options = {"low": LOW, "high": HIGH, "velocity": 1.0, "acceleration": 1.0, "jerk": 1.0, "period": PERIOD}
    with pytest.raises(ConfigError, match=message):
        Envelope(**(options | changes))
