import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla.evaluation.results import (
    FINEST_MS,
    EpisodeRecord,
    latency_entry,
    log_histogram,
    monitor_entry,
    record_entry,
    summarize,
)
from vla.types import EpisodeResult, Subgoal, SubgoalResult

GROUPS = {"pick": "skills", "push": "skills", "tidy": "long"}


def record(task: str, success: bool, steps: int = 100, reason: str = "", seconds: tuple[float, ...] = ()):
    return EpisodeRecord(task, 1, "do it", success, steps, reason, ("pick up x: reached",), seconds)


@pytest.fixture
def records() -> list[EpisodeRecord]:
    return [
        record("pick", True, 80, seconds=(0.010, 0.020)),
        record("pick", True, 100, seconds=(0.030,)),
        record("push", True, 60),
        record("push", False, 900, "too far"),
        record("tidy", False, 900, "dropped"),
        record("tidy", False, 900, "dropped"),
        record("tidy", False, 900, "time limit"),
        record("tidy", True, 500),
    ]


def test_summary_has_rates_intervals_and_failures(records: list[EpisodeRecord]) -> None:
    success = summarize(records, GROUPS)
    assert success["macro"] == pytest.approx((0.75 + 0.25) / 2)
    assert success["weighted"] == pytest.approx((1 + 0.5 + 0.25) / 3, abs=1e-4)
    assert success["interval"][0] <= success["macro"] <= success["interval"][1]
    assert list(success["per_task"]) == ["pick", "push", "tidy"]
    assert success["per_task"]["tidy"]["failures"] == {"dropped": 2, "time limit": 1}
    assert success["per_task"]["pick"]["steps_to_success"] == 90
    assert success["per_task"]["tidy"]["episodes"] == 4
    assert {task: entry["group"] for task, entry in success["per_task"].items()} == GROUPS
    assert success["per_group"]["skills"]["success"] == 0.75
    assert success["per_group"]["skills"]["episodes"] == 4


def test_no_success_has_no_steps_to_success() -> None:
    entry = summarize([record("pick", False, reason="missed")], {"pick": "skills"})["per_task"]["pick"]
    assert entry["steps_to_success"] is None
    assert entry["success"] == 0.0


def test_summary_survives_json(records: list[EpisodeRecord]) -> None:
    success = summarize(records, GROUPS)
    assert json.loads(json.dumps(success)) == success


def test_latency_is_over_all_calls(records: list[EpisodeRecord]) -> None:
    assert latency_entry(records)["policy_p50_ms"] == 20.0
    assert latency_entry([record("pick", True)]) == {}


def test_planner_and_policy_have_their_own_latencies() -> None:
    both = EpisodeRecord("pick", 1, "do it", True, 9, "", (), (0.01,), (0.5, 0.7))
    entry = latency_entry([both, record("pick", True, seconds=(0.03,))])
    assert (entry["policy_p50_ms"], entry["planner_p50_ms"]) == (20.0, 600.0)
    assert sum(entry["policy_histogram"]["counts"]) == sum(entry["planner_histogram"]["counts"]) == 2


@given(st.lists(st.floats(0, 1e5), min_size=1, max_size=50))
def test_a_histogram_counts_every_latency_between_its_edges(times: list[float]) -> None:
    found = log_histogram(np.array(times))
    edges, counts = found["edges_ms"], found["counts"]
    assert sum(counts) == len(times) and len(edges) == len(counts) + 1
    assert edges == sorted(set(edges))
    assert edges[0] <= max(min(times), FINEST_MS) * 1.001 and max(max(times), FINEST_MS) <= edges[-1] * 1.001
    assert counts[0] > 0, "no empty bins before the first"


def test_record_round_trip_and_what_the_report_keeps() -> None:
    subgoal = Subgoal("press the button", "press", "button")
    ended = SubgoalResult(subgoal, "timeout", 0.0, 12.0)
    result = EpisodeResult("press", 7, "press it", False, 360, "missed", (ended,), (0.0123456789,))
    kept = EpisodeRecord.of(result)
    assert kept.subgoals == ("press the button: timeout",)
    assert EpisodeRecord.from_json(json.loads(json.dumps(asdict(kept)))) == kept
    assert not {"policy_seconds", "planner_seconds"} & record_entry(kept).keys()
    assert EpisodeRecord.from_json(record_entry(kept)) == replace(kept, policy_seconds=())


def test_the_planners_word_is_compared_with_the_simulators() -> None:
    ended = ("pick up x: reached", "stack x: on y: failed", "pick up x: reached", "press y: timeout", "push z: reached")
    told = replace(record("pick", True), subgoals=ended, achieved=(True, True, False, False, None))
    entry = monitor_entry([told, record("pick", True)])
    assert (entry["false_success"]["wrong"], entry["false_success"]["count"]) == (1, 2)
    assert (entry["false_failure"]["wrong"], entry["false_failure"]["count"]) == (1, 2)
    assert entry["false_success"]["rate"] == 0.5 and entry["false_success"]["interval"] == [0.0945, 0.9055]


def test_where_no_simulator_tells_there_is_no_comparison() -> None:
    assert monitor_entry([record("pick", True), replace(record("pick", True), achieved=(None,))]) == {}
    only = monitor_entry([replace(record("pick", True), achieved=(True,))])
    assert only["false_failure"] == {"wrong": 0, "count": 0, "rate": None, "interval": [0.0, 1.0]}
