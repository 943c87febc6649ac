import pytest
from rich.console import Console

from vla.evaluation.published import load_benchmark
from vla.evaluation.results import EpisodeRecord, summarize
from vla.evaluation.table import success_table

GROUPS = {"a": "easy", "b": "easy", "c": "medium", "d": "hard", "e": "very_hard"}


def success(rates: dict[str, float], episodes: int = 20) -> dict:
    records = [
        EpisodeRecord(
            task,
            i,
            instruction="",
            success=i < round(rate * episodes),
            steps=1,
            reason="",
            subgoals=(),
            policy_seconds=(),
            measures={"early": i % 2 == 0 and i < rate * episodes},
        )
        for task, rate in rates.items()
        for i in range(episodes)
    ]
    return summarize(records, GROUPS)


def test_macro_is_over_tiers_and_weighted_over_tasks():
    result = success({"a": 1.0, "b": 0.5, "c": 0.5, "d": 0.25, "e": 0.0})
    assert result["macro"] == pytest.approx((0.75 + 0.5 + 0.25 + 0.0) / 4)
    assert result["weighted"] == pytest.approx((1.0 + 0.5 + 0.5 + 0.25 + 0.0) / 5)
    assert result["measures"]["early"]["macro"] < result["macro"]
    low, high = result["interval"]
    assert low < result["macro"] < high


def test_published_rows_are_means_of_their_tiers():
    benchmark = load_benchmark("metaworld_mt50")
    assert benchmark is not None
    assert [row.macro for row in benchmark.rows] == sorted(row.macro for row in benchmark.rows)
    whole = [row for row in benchmark.rows if row.per_group]
    assert len(whole) == 8
    for row in whole:
        assert list(row.per_group) == ["easy", "medium", "hard", "very_hard"]
        assert sum(row.per_group.values()) / 4 == pytest.approx(row.macro, abs=0.00051)
    assert all(row.source for row in benchmark.rows)


def test_a_row_is_beaten_only_by_the_whole_interval():
    benchmark = load_benchmark("metaworld_mt50")
    assert benchmark is not None
    result = success(dict.fromkeys(GROUPS, 0.6)) | {"macro": 0.6, "interval": [0.574, 0.7]}
    assert [row.macro for row in benchmark.beaten(result)] == [0.105, 0.316, 0.479, 0.573]
    assert len(benchmark.beaten(result | {"interval": [0.572, 0.9]})) == 3
    assert [row["beaten"] for row in benchmark.entry(result)["rows"]] == [True] * 4 + [False] * 5


def test_the_table_holds_our_row_in_its_place():
    benchmark = load_benchmark("metaworld_mt50")
    assert benchmark is not None
    result = success({"a": 1.0, "b": 0.8, "c": 0.6, "d": 0.6, "e": 0.6})
    console = Console(width=160, record=True)
    console.print(benchmark.table(result, "ours"), success_table(result))
    text = console.export_text()
    models = [line.split("│")[1].strip() for line in text.splitlines() if line.startswith("│")]
    assert models.index("SmolVLA") < models.index("ours") < models.index("Evo-1")
    assert "67.5 (" in text
    assert "500 steps" in text
    assert "macro, success early" in text


def test_other_suites_are_no_benchmark():
    assert load_benchmark("tabletop") is None
    assert load_benchmark("tests.helpers.toy_suite:SUITE") is None
