import json
from dataclasses import asdict

import pytest

from vla.evaluation.results import EpisodeRecord, latency_entry, record_entry, summarize
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


def test_record_round_trip_and_what_the_report_keeps() -> None:
    subgoal = Subgoal("press the button", "press", "button")
    ended = SubgoalResult(subgoal, "timeout", 0.0, 12.0)
    result = EpisodeResult("press", 7, "press it", False, 360, "missed", (ended,), (0.0123456789,))
    kept = EpisodeRecord.of(result)
    assert kept.subgoals == ("press the button: timeout",)
    assert EpisodeRecord.from_json(json.loads(json.dumps(asdict(kept)))) == kept
    assert "policy_seconds" not in record_entry(kept)
