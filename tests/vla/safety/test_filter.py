"""What leaves the filter keeps every limit, whatever goes in, and sensible motion goes through it as it is."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.tabletop.arm import HAND_SITE, arm_spec
from envs.tabletop.units import JOINT_NAMES, to_radians
from envs.tabletop.world import READY_POSE
from vla.safety.arm_model import ArmModel
from vla.safety.envelope import Envelope
from vla.safety.filter import SLIGHT, Decision, SafetyFilter
from vla.safety.lead import Lead
from vla.safety.limit import Situation
from vla.safety.self_collision import SelfCollision
from vla.safety.staleness import StaleChunk, StaleObservation
from vla.safety.stall import Stall
from vla.safety.table import Table
from vla.safety.workspace import Workspace

HUMAN_MOTION = Path(__file__).resolve().parents[4] / "shared/data/so101_real/data/chunk-000/file-000.parquet"
PERIOD = 1 / 30
LOW = np.array([-110.0, -100.0, -100.0, -95.0, -160.0, 0.0])
HIGH = np.array([110.0, 100.0, 97.0, 95.0, 160.0, 100.0])
LEAD = 45.0
BOX = ((0.0, -0.3, -0.02), (0.4, 0.3, 0.35))


IN_ITSELF, IN_TABLE = 0.010, 0.005


@cache
def arm(table_height: float = 0.0) -> ArmModel:
    return ArmModel(arm_spec("low"), JOINT_NAMES, to_radians, table_height)


def make(ramp_seconds: float = 0.0, table_height: float = 0.0) -> SafetyFilter:
    model = arm(table_height)
    box = (BOX[0][:2] + (BOX[0][2] + table_height,), BOX[1])
    return SafetyFilter(
        Envelope(LOW, HIGH, 300.0, 8000.0, 300_000.0, PERIOD),
        clamps=[Lead(np.full(6, LEAD))],
        vetoes=[Workspace(model, HAND_SITE, *box), Table(model, IN_TABLE), SelfCollision(model, IN_ITSELF)],
        monitors=[
            StaleObservation(0.2),
            StaleChunk(1.0),
            Stall(JOINT_NAMES, [35.0] * 5 + [np.inf], distance=2.0, seconds=0.5),
        ],
        ramp_seconds=ramp_seconds,
    )


class Servos:
    """Joints that go most of the way to their command in a tick, unless they are blocked."""

    def __init__(self, filter_: SafetyFilter, start: np.ndarray = READY_POSE) -> None:
        self.filter, self.measured, self.time = filter_, start.astype(np.float64), 0.0
        self.blocked = False
        self.sent = [self.measured.copy()]

    def tick(self, proposal: np.ndarray | None, observed_at: float | None = None, planned: float = 0.0) -> Decision:
        observed_at = self.time if observed_at is None else observed_at
        decision = self.filter.decide(proposal, Situation(self.time, self.measured, observed_at, self.time - planned))
        assert decision.action is not None
        self.sent.append(decision.action.astype(np.float64))
        if not self.blocked:
            self.measured = self.measured + 0.7 * (decision.action - self.measured)
        self.time += PERIOD
        return decision


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 2**32 - 1))
def test_nothing_leaves_the_filter_outside_a_limit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    servos = Servos(make())
    envelope = Envelope(LOW, HIGH, 300.0, 8000.0, 300_000.0, PERIOD)
    target = READY_POSE.copy()
    for _ in range(80):
        kind = rng.integers(0, 6)
        proposals = [
            rng.uniform(1.3 * LOW - 20, 1.3 * HIGH),
            target := np.where(rng.random(6) < 0.2, rng.uniform(LOW, HIGH), target),
            np.where(rng.random(6) < 0.3, np.nan, READY_POSE),
            rng.choice([-1e30, 1e30, np.inf], 6),
            None,
            servos.measured + rng.normal(0, 15, 6),
        ]
        servos.tick(proposals[kind])
    sent = np.array(servos.sent)
    assert (sent >= LOW - 1e-3).all()
    assert (sent <= HIGH + 1e-3).all()
    velocity = np.diff(sent, axis=0, prepend=sent[:1]) / PERIOD
    acceleration = np.diff(velocity, axis=0, prepend=velocity[:1]) / PERIOD
    jerk = np.diff(acceleration, axis=0) / PERIOD
    # Commands are sent as float32: a unit in the last place is 1e-5 units.
    assert np.abs(velocity).max() <= envelope.velocity[0] + 0.01
    assert np.abs(acceleration).max() <= envelope.acceleration[0] + 1.0
    assert np.abs(jerk).max() <= envelope.jerk[0] + 100.0
    for position in sent:
        arm().place(position)
        assert arm().depth_in_itself() <= IN_ITSELF + SLIGHT
        assert arm().depth_in_table() <= IN_TABLE + SLIGHT
        hand = arm().site_position(HAND_SITE)
        assert (hand >= np.array(BOX[0]) - 0.002).all()
        assert (hand <= np.array(BOX[1]) + 0.002).all()


def test_human_motion_goes_through_unaltered() -> None:
    if not HUMAN_MOTION.is_file():
        pytest.skip(f"{HUMAN_MOTION} is not on this machine")
    table = pq.read_table(HUMAN_MOTION).to_pandas()
    middle, half = (LOW + HIGH) / 2, (HIGH - LOW) / 2  # it was recorded in percent of each joint's range
    middle[5], half[5] = 0.0, 100.0
    altered = held = 0
    for _, episode in table.groupby("episode_index"):
        columns = (np.stack(episode[name].to_list()) for name in ("action", "observation.state"))
        actions, states = (middle + column / 100 * half for column in columns)
        filter_ = make(table_height=-0.04)  # that arm stood higher above its table
        for k, (action, state) in enumerate(zip(actions, states, strict=True)):
            decision = filter_.decide(action, Situation(k * PERIOD, state, k * PERIOD))
            altered += k > 5 and bool(decision.causes)  # it begins at rest, at the measured position
            held += decision.held
    assert altered <= 0.01 * len(table)
    assert held == 0


def test_the_arm_stays_above_the_table_and_comes_up_again() -> None:
    servos = Servos(make())
    down = READY_POSE + [0.0, 60.0, 0.0, 0.0, 0.0, 0.0]
    causes = {cause for _ in range(40) for cause in servos.tick(down).causes}
    assert causes & {"table", "workspace"}
    arm().place(servos.sent[-1])
    assert arm().site_position(HAND_SITE)[2] > BOX[0][2] - 0.001
    decisions = [servos.tick(READY_POSE) for _ in range(60)]
    assert not decisions[-1].causes
    np.testing.assert_allclose(servos.sent[-1], READY_POSE, atol=0.01)


def test_a_collision_of_the_arm_with_itself_is_found() -> None:
    check = SelfCollision(arm(), IN_ITSELF)
    assert check.violation(READY_POSE) < 0.0
    assert check.violation(np.array([0.0, -100.0, 97.0, 95.0, 0.0, 40.0])) > 0.005


@pytest.mark.parametrize(
    ("tick", "cause"),
    [
        ({"proposal": None}, "no action"),
        ({"proposal": np.full(6, np.nan)}, "action is not 6 finite numbers"),
        ({"proposal": np.zeros(5)}, "action is not 6 finite numbers"),
        ({"proposal": READY_POSE, "observed_at": -1.0}, "stale observation"),
        ({"proposal": READY_POSE, "planned": 2.0}, "stale action chunk"),
    ],
)
def test_the_arm_holds_while_something_is_missing_and_then_goes_on(tick: dict, cause: str) -> None:
    servos = Servos(make())
    target = READY_POSE + [30.0, 0, 0, 0, 0, 0]
    for _ in range(4):
        assert not servos.tick(target).held
    for _ in range(10):
        decision = servos.tick(**tick)
        assert decision.held
        assert decision.causes[0].startswith(cause)
    assert abs(servos.sent[-1][0] - servos.sent[-2][0]) < 1e-6
    decisions = [servos.tick(target) for _ in range(30)]
    assert not decisions[-1].held
    assert servos.sent[-1][0] == pytest.approx(30.0, abs=0.01)


def test_a_latched_stop_holds_until_somebody_resumes_and_then_starts_slowly() -> None:
    servos = Servos(make(ramp_seconds=1.0))
    far = READY_POSE + [60.0, 0, 0, 0, 0, 0]
    for _ in range(45):
        servos.tick(far)
    servos.filter.stop("emergency stop by keyboard")
    servos.filter.stop("a later reason")
    assert not servos.filter.resume() or servos.filter.stopped == ""
    servos.filter.stop("emergency stop by keyboard")
    for _ in range(30):
        decision = servos.tick(READY_POSE)
        assert decision.held
        assert decision.causes == ("emergency stop by keyboard",)
    stopped_at = servos.sent[-1].copy()
    np.testing.assert_array_equal(stopped_at, servos.sent[-5])
    assert servos.filter.resume()
    first = servos.tick(READY_POSE)
    assert not first.held
    assert "start-up ramp" in first.causes
    assert abs(servos.sent[-1][0] - servos.measured[0]) <= 0.1 * 300.0 * PERIOD + 1e-6


def test_a_blocked_joint_stops_the_arm_for_good_and_is_named() -> None:
    servos = Servos(make())
    servos.blocked = True
    far = READY_POSE + [60.0, 0, 0, 0, 0, 0]
    decisions = [servos.tick(far) for _ in range(40)]
    assert decisions[-1].held
    assert "shoulder_pan is stalled" in servos.filter.stopped
    assert max(abs(sent[0]) for sent in servos.sent) <= LEAD + 1e-3


def test_it_sends_nothing_as_long_as_it_does_not_know_where_the_arm_is() -> None:
    filter_ = make()
    nowhere = Situation(0.0, np.full(6, np.nan), 0.0)
    assert filter_.decide(READY_POSE, nowhere).action is None
    assert filter_.decide(READY_POSE, Situation(0.1, READY_POSE, 0.1)).action is not None
    held = filter_.decide(READY_POSE, Situation(0.2, np.full(6, np.nan), 0.2))
    assert held.held
    assert held.action is not None


@pytest.mark.parametrize("joints", [[0.0, 60.0, 0, 0, 0, 0], [0.0, 0, 60.0, 0, 0, 0], [0, -60.0, 60.0, 60.0, 0, 60.0]])
def test_an_arm_that_creeps_toward_a_limit_does_not_creep_beyond_it(joints: list[float]) -> None:
    servos = Servos(make())
    stopped = 0
    for tick in range(700):
        decision = servos.tick(READY_POSE + np.array(joints) * tick / 700)
        stopped += bool(set(decision.causes) & {"table", "workspace", "self-collision"})
    assert stopped > 20
    arm().place(servos.sent[-1])
    hand = arm().site_position(HAND_SITE)
    assert arm().depth_in_itself() <= IN_ITSELF + 2 * SLIGHT
    assert arm().depth_in_table() <= IN_TABLE + 2 * SLIGHT
    assert (hand >= np.array(BOX[0]) - 2 * SLIGHT).all()
    assert (hand <= np.array(BOX[1]) + 2 * SLIGHT).all()


@pytest.mark.parametrize("measured", [np.full(6, 1e30), READY_POSE + [0, 0, 0, 0, 0, 1e5], -HIGH - 40.0])
def test_it_does_not_believe_that_the_arm_is_where_it_cannot_be(measured: np.ndarray) -> None:
    filter_ = make()
    assert filter_.decide(READY_POSE, Situation(0.0, measured, 0.0)).action is None
    first = filter_.decide(READY_POSE, Situation(0.1, READY_POSE, 0.1))
    assert first.action is not None
    held = filter_.decide(READY_POSE + 5.0, Situation(0.2, measured, 0.2))
    assert held.held
    assert held.causes == ("measured position is far out of the joints' range",)
    np.testing.assert_array_equal(held.action, first.action)


@pytest.mark.parametrize(
    "proposal",
    [
        "far",
        ["1"] * 6,
        [[1.0], [2.0, 3.0]],
        np.array([object()] * 6),
        np.full(6, 1j),
        np.zeros((1, 6)),
        {"x": 1.0},
        3.0,
    ],
)
def test_what_is_no_action_holds_the_arm_and_raises_nothing(proposal: Any) -> None:
    decision = Servos(make()).tick(proposal)
    assert decision.held
    assert decision.causes == ("action is not 6 finite numbers",)


@pytest.mark.parametrize("stamp", [np.nan, np.inf, -np.inf, 50.0])
def test_a_time_stamp_that_says_nothing_counts_as_old(stamp: float) -> None:
    filter_ = make()
    filter_.decide(READY_POSE, Situation(0.0, READY_POSE, 0.0))
    assert filter_.decide(READY_POSE, Situation(0.1, READY_POSE, stamp)).causes == ("stale observation",)
    assert filter_.decide(READY_POSE, Situation(0.1, READY_POSE, 0.1, stamp)).causes == ("stale action chunk",)
