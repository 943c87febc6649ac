from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tests.helpers.toy_suite import CONTROL_HZ, ToyOracle, ToyPolicy, ToySimulation
from vla.runtime.actors import ExpertActor, Motion, PolicyActor
from vla.runtime.episode import run_episode
from vla.runtime.plan_follower import MAX_TIMEOUTS
from vla.types import Box, Done, EpisodeResult, Hold, Observation, Plan, Refuse, Subgoal, SubgoalResult


class Script:
    """A planner that answers from a list, then repeats the last answer."""

    def __init__(self, *plans: Plan) -> None:
        self.plans = plans
        self.asked_at: list[float] = []

    def reset(self) -> None:
        self.asked_at.clear()

    def plan(self, observation: Observation, instruction: str, history: Sequence[SubgoalResult]) -> Plan:
        self.asked_at.append(observation.time)
        return self.plans[min(len(self.asked_at), len(self.plans)) - 1]


class Log:
    def __init__(self, wants_frames: bool = False) -> None:
        self.wants_frames = wants_frames
        self.events: list[str] = []
        self.subgoals: list[Subgoal | None] = []
        self.has_frames: list[bool] = []

    def on_start(self, instruction: str) -> None:
        self.events.append("start")

    def on_tick(self, observation: Observation, subgoal: Subgoal | None, action: np.ndarray | None) -> None:
        self.subgoals.append(subgoal)
        self.has_frames.append(bool(observation.images))

    def on_subgoal_end(self, result: SubgoalResult) -> None:
        self.events.append(f"{result.subgoal.text}: {result.outcome}")

    def on_end(self, result: EpisodeResult) -> None:
        self.events.append("end")


@pytest.fixture
def tour() -> ToySimulation:
    simulation = ToySimulation()
    simulation.reset("tour", 1)
    return simulation


def expert_of(simulation: ToySimulation) -> ExpertActor:
    return ExpertActor(simulation.expert())


def policy_of(simulation: ToySimulation) -> tuple[ToyPolicy, PolicyActor]:
    policy = ToyPolicy()
    return policy, PolicyActor(policy, simulation.control_hz)


def test_expert_with_oracle_visits_every_subgoal_in_order(tour: ToySimulation) -> None:
    log = Log()
    result = run_episode(tour, tour.oracle(), expert_of(tour), max_seconds=12, subscribers=[log])
    assert result.success
    assert result.reason == ""
    assert log.events == ["start", "go to point 0: reached", "go to point 1: reached", "end"]
    assert result.subgoals[0].end_time == result.subgoals[1].start_time
    assert result.steps == len(tour.actions) == len(log.subgoals)
    assert result.subgoals[1].end_time == result.steps / CONTROL_HZ


def test_the_policy_is_asked_every_n_action_steps_and_at_each_new_subgoal(tour: ToySimulation) -> None:
    policy, actor = policy_of(tour)
    result = run_episode(tour, tour.oracle(), actor, max_seconds=12, planner_period=0.5)
    change = result.subgoals[1].start_time
    first = [time for time, text in policy.calls if text.endswith("0")]
    second = [time for time, text in policy.calls if text.endswith("1")]
    assert result.success
    assert first == pytest.approx(np.arange(0, change, 0.4))
    assert second == pytest.approx(np.arange(change, result.subgoals[1].end_time, 0.4))
    assert change % 0.4 != pytest.approx(0), "the change must fall inside a chunk for this test to mean anything"
    assert len(result.policy_seconds) == len(policy.calls)


def test_frames_are_rendered_only_when_somebody_looks(tour: ToySimulation) -> None:
    oracle = tour.oracle()
    run_episode(tour, oracle, expert_of(tour), max_seconds=12)
    assert tour.renders == len(oracle.asked_at)

    tour.reset("tour", 1)
    tour.renders = 0
    log = Log(wants_frames=True)
    result = run_episode(tour, tour.oracle(), expert_of(tour), max_seconds=12, subscribers=[log])
    assert all(log.has_frames)
    assert tour.renders == result.steps + 1, "one a tick, and one for the planner's last word"


def test_planner_is_asked_at_the_start_and_once_a_period(tour: ToySimulation) -> None:
    planner = Script(tour.subgoal(0))
    run_episode(tour, planner, expert_of(tour), max_seconds=2.95, planner_period=0.7)
    assert planner.asked_at == pytest.approx([0, 0.7, 1.4, 2.1, 2.8])


def test_same_text_keeps_the_subgoal_and_updates_its_box(tour: ToySimulation) -> None:
    first, second = tour.subgoal(0), tour.subgoal(1)
    moved = Subgoal(first.text, first.skill, first.object, box=second.box, time_limit=first.time_limit)
    log = Log()
    result = run_episode(tour, Script(first, moved), expert_of(tour), max_seconds=2, subscribers=[log])
    boxes = [subgoal.box for subgoal in log.subgoals if subgoal]
    assert boxes == [first.box] * 10 + [second.box] * 10
    assert [ended.outcome for ended in result.subgoals] == ["timeout"], "only the episode's end ends it"


def test_the_gripper_is_brought_to_where_a_subgoal_begins_before_the_policy_is_asked(tour: ToySimulation) -> None:
    policy, actor = policy_of(tour)
    log = Log()
    planner = Script(replace(tour.subgoal(0), grip=80.0))
    run_episode(tour, planner, actor, max_seconds=2.5, subscribers=[log])
    assert policy.calls[0][0] == pytest.approx(0.7), "half a second of opening, and until it has come to rest"
    np.testing.assert_allclose(np.stack(tour.actions[:5]), [[50, 50], [50, 56], [50, 62], [50, 68], [50, 74]])
    assert all(action[0] == 50 for action in tour.actions[:7])


def test_before_another_attempt_the_arm_goes_back_to_where_it_began(tour: ToySimulation) -> None:
    policy, actor = policy_of(tour)
    away = replace(tour.subgoal(0), box=Box(0.98, 0.98, 1.0, 1.0), time_limit=0.6)
    script = Script(away, replace(away, time_limit=3.0))
    result = run_episode(tour, script, actor, max_seconds=1.5, planner_period=0.9)
    assert [ended.outcome for ended in result.subgoals] == ["timeout", "timeout"]
    assert [time for time, _ in policy.calls] == pytest.approx([0.0, 0.4, 1.3]), "at first, and once it is back"
    assert script.asked_at == pytest.approx([0.0, 0.6, 1.4]), "not while it is on its way back, and at once then"
    back = np.stack(tour.actions[6:13])
    assert (np.diff(back[:, 0]) <= 0).all() and back[-1, 0] < 51.0


def test_planner_latency_delays_the_answer_and_the_arm_holds_still_before_the_first(tour: ToySimulation) -> None:
    log = Log()
    result = run_episode(tour, tour.oracle(), expert_of(tour), max_seconds=12, planner_latency=0.5, subscribers=[log])
    assert [subgoal is None for subgoal in log.subgoals[:6]] == [True] * 5 + [False]
    np.testing.assert_array_equal(tour.actions[:5], np.full((5, 2), 50.0))
    assert result.success
    assert result.subgoals[0].start_time == 0.5


def test_measured_latency_is_charged_in_whole_ticks(tour: ToySimulation) -> None:
    log = Log()
    run_episode(tour, tour.oracle(), expert_of(tour), max_seconds=1, planner_latency=None, subscribers=[log])
    assert log.subgoals[0] is None
    assert log.subgoals[-1] is not None


def test_refusal_at_the_start_moves_nothing(tour: ToySimulation) -> None:
    result = run_episode(tour, Script(Refuse("that is unsafe")), expert_of(tour), max_seconds=12)
    assert (result.success, result.reason, result.steps) == (False, "that is unsafe", 0)
    assert tour.actions == []


def test_refusal_later_fails_the_subgoal(tour: ToySimulation) -> None:
    result = run_episode(tour, Script(tour.subgoal(0), Refuse("lost it")), expert_of(tour), max_seconds=12)
    assert result.steps == CONTROL_HZ
    assert [(ended.outcome, ended.reason) for ended in result.subgoals] == [("failed", "lost it")]


def test_done_too_early_is_a_failure_with_the_simulations_reason(tour: ToySimulation) -> None:
    result = run_episode(tour, Script(tour.subgoal(0), Done()), expert_of(tour), max_seconds=12)
    assert (result.success, result.reason) == (False, "point not reached")
    assert result.steps == CONTROL_HZ


def test_the_planners_word_counts_where_the_simulation_does_not_know_what_is_asked_for(tour: ToySimulation) -> None:
    tour.judges = False
    done = run_episode(tour, Script(tour.subgoal(0), Done()), expert_of(tour), max_seconds=12)
    assert (done.success, done.reason, tour.succeeded()) == (True, "", False)
    endless = run_episode(tour, Script(tour.subgoal(1)), expert_of(tour), max_seconds=2)
    assert (endless.success, endless.reason, tour.succeeded()) == (False, "time limit", True)


def test_success_counts_at_the_time_limit_without_done(tour: ToySimulation) -> None:
    planner = Script(tour.subgoal(0), tour.subgoal(0), tour.subgoal(1))
    result = run_episode(tour, planner, expert_of(tour), max_seconds=4.5)
    assert result.success
    assert result.steps == 45


def test_a_subgoal_out_of_time_is_asked_about_at_once_and_fails_the_episode_the_third_time() -> None:
    simulation = ToySimulation()
    simulation.reset("reach", 3)
    assert simulation.impossible
    oracle = simulation.oracle()
    result = run_episode(simulation, oracle, expert_of(simulation), max_seconds=60, planner_period=2.0)
    assert [ended.outcome for ended in result.subgoals] == ["timeout"] * MAX_TIMEOUTS
    assert [ended.end_time for ended in result.subgoals] == [3.0, 6.0, 9.0]
    assert oracle.asked_at == pytest.approx([0.0, 2.0, 3.0, 3.9, 5.9, 6.0, 6.9, 8.9]), "and once the arm is back"
    assert (result.success, result.reason) == (False, "go timed out 3 times")


def test_the_same_seed_gives_the_same_episode(tour: ToySimulation) -> None:
    results = []
    for _ in range(2):
        tour.reset("tour", 1)
        results.append((run_episode(tour, ToyOracle(tour), policy_of(tour)[1], max_seconds=12), tour.actions))
    (first, first_actions), (second, second_actions) = results
    assert first.subgoals == second.subgoals
    np.testing.assert_array_equal(first_actions, second_actions)


def test_without_a_next_step_the_arm_rests_and_goes_on_with_the_next_answer(tour: ToySimulation) -> None:
    log = Log()
    script = Script(tour.subgoal(0), Hold("unsure"), Hold("unsure"), tour.subgoal(1), Done())
    result = run_episode(tour, script, expert_of(tour), max_seconds=12, subscribers=[log])
    first, second = tour.subgoal(0).text, tour.subgoal(1).text
    texts = [None if subgoal is None else subgoal.text for subgoal in log.subgoals[:: int(CONTROL_HZ)]]
    assert texts == [first, None, None, second]
    resting = tour.actions[int(CONTROL_HZ) : 3 * int(CONTROL_HZ)]
    assert all(np.array_equal(action, tour.actions[int(CONTROL_HZ) - 1]) for action in resting)
    assert [ended.outcome for ended in result.subgoals] == ["reached", "reached"]
    assert not any("unsure" in ended.reason for ended in result.subgoals)


class Swing(ExpertActor):
    """Goes out and comes back, whatever the subgoal."""

    def begin(self, subgoal: Subgoal) -> None:
        self._ticks = 0

    def act(self, observation: Observation, subgoal: Subgoal) -> Motion:
        self._ticks += 1
        action = np.full(2, 80.0 if self._ticks <= 6 else 50.0, np.float32)
        return Motion(action, action)


@pytest.mark.parametrize(("time_limit", "outcome"), [(0.8, "timeout"), (2.0, "reached")])
def test_no_time_runs_out_while_the_arm_waits_for_the_planner_to_look(
    tour: ToySimulation, time_limit: float, outcome: str
) -> None:
    away = replace(tour.subgoal(0), time_limit=time_limit)
    actor = Swing(tour.expert())  # back 1.2 s after it began, a second before the planner has looked
    result = run_episode(tour, Script(away, away, Done()), actor, max_seconds=5, planner_latency=1.0)
    assert result.subgoals[0].outcome == outcome


def test_while_the_planner_thinks_the_arm_goes_on_with_the_old_step(tour: ToySimulation) -> None:
    log = Log()
    script = Script(tour.subgoal(0), tour.subgoal(1))
    run_episode(
        tour, script, expert_of(tour), max_seconds=3, planner_period=1.0, planner_latency=0.7, subscribers=[log]
    )
    first = [index for index, subgoal in enumerate(log.subgoals) if subgoal == tour.subgoal(0)]
    assert first == list(range(round(0.7 * CONTROL_HZ), round(1.7 * CONTROL_HZ)))
    assert log.subgoals[first[-1] + 1] == tour.subgoal(1)


def test_a_failed_subgoal_is_begun_anew_and_what_ended_is_compared_with_the_simulator(tour: ToySimulation) -> None:
    tour.achieved = lambda subgoal: subgoal.text == tour.subgoal(0).text  # pyright: ignore
    first, second = tour.subgoal(0), tour.subgoal(1)
    script = Script(first, first, replace(first, after="failed"), replace(second, after="failed"), second, Done())
    result = run_episode(tour, script, expert_of(tour), max_seconds=12)
    told = [(ended.subgoal.text, ended.outcome, ended.start_time, ended.achieved) for ended in result.subgoals]
    assert told == [
        (first.text, "failed", 0.0, True),
        (first.text, "failed", 2.0, True),
        (second.text, "reached", 2.4, False),  # asked for as soon as the arm is back
    ]


def test_what_a_simulator_does_not_tell_is_not_known(tour: ToySimulation) -> None:
    result = run_episode(
        tour, Script(tour.subgoal(0), Hold("?", after="failed"), Done()), expert_of(tour), max_seconds=9
    )
    assert [(ended.outcome, ended.achieved) for ended in result.subgoals] == [("failed", None)]
