import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.helpers.evaluations import FIRST_SEED, write_evaluation
from vla.errors import ConfigError
from vla.evaluation.comparison import compare
from vla.evaluation.comparison_table import comparison_table, spread_lines, steps_table
from vla.evaluation.reading import read_evaluation

YES, NO = True, False


def test_rates_differences_and_wins_are_of_common_scenes(tmp_path: Path) -> None:
    a = write_evaluation(tmp_path / "a.json", {"pick": [YES, YES, NO, NO], "push": [YES]})
    b = write_evaluation(tmp_path / "b.json", {"pick": [YES, NO, YES], "place": [NO]}, steps=80)
    found = compare([a], [b])
    (row,) = found.tasks
    assert (row.name, row.scenes, row.only_a, row.only_b, row.p) == ("pick", 3, 1, 1, 1.0)
    assert (row.rate_a, row.rate_b) == pytest.approx((2 / 3, 2 / 3))
    assert found.left_out == 3
    assert [(scene.seed - FIRST_SEED, scene.successes_a, scene.successes_b) for scene in found.discordant] == [
        (1, 1, 0),
        (2, 0, 1),
    ]
    assert found.discordant[0].reason == "pick & missed"
    (steps, total) = found.steps
    assert (steps.scenes, steps.median_a, steps.median_b, steps.difference) == (1, 100, 80, -20)
    assert total.name == "all" and found.spread_a.deviation is None


def test_the_total_is_the_mean_over_groups(tmp_path: Path) -> None:
    groups = {"pick": "skills", "push": "skills", "tidy": "long"}
    a = write_evaluation(tmp_path / "a.json", {"pick": [NO], "push": [NO], "tidy": [NO]}, groups=groups)
    b = write_evaluation(tmp_path / "b.json", {"pick": [YES], "push": [NO], "tidy": [NO]}, groups=groups)
    assert compare([a], [b]).total.difference == pytest.approx(0.25)


def test_several_runs_a_side_show_their_spread(tmp_path: Path) -> None:
    a = [write_evaluation(tmp_path / f"a{i}.json", {"pick": s}) for i, s in enumerate([[YES, NO], [NO, NO]])]
    b = [write_evaluation(tmp_path / f"b{i}.json", {"pick": s}) for i, s in enumerate([[YES, YES], [YES, NO]])]
    found = compare(a, b)
    assert found.spread_a.rates == (0.5, 0.0) and found.spread_b.rates == (1.0, 0.5)
    assert found.spread_b.mean == 0.75 and found.spread_b.deviation == pytest.approx(0.5**0.5 / 2)
    assert (found.total.only_a, found.total.only_b) == (0, 2)
    assert spread_lines(found)[0].startswith("A: 25.0 ± 35.4 %")


def test_what_was_done_differently_is_listed(tmp_path: Path) -> None:
    a = write_evaluation(tmp_path / "a.json", {"pick": [YES]})
    b = write_evaluation(
        tmp_path / "b.json", {"pick": [YES]}, options={"wording": "train", "env": {"image_size": [64, 64]}}
    )
    assert compare([a], [b]).differing == (("policy", "a", "b"), ("wording", "test", "train"))
    assert compare([a], [a]).differing == ()


def test_the_tables_fit_a_narrow_terminal(tmp_path: Path) -> None:
    names = [f"push_place_{index}" for index in range(3)]
    a = write_evaluation(tmp_path / "a.json", dict.fromkeys(names, [YES, NO] * 30))
    b = write_evaluation(tmp_path / "b.json", dict.fromkeys(names, [NO, YES] * 30))
    console = Console(width=80, record=True, quiet=False, file=(tmp_path / "out").open("w"))
    console.print(comparison_table(compare([a], [b])), steps_table(compare([a], [b])))
    shown = console.export_text()
    assert "push_place_0" in shown and "30 : 30" in shown and "…" not in shown


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"suite": "kitchen"}, "one suite can be compared, got toy in .*a.json, kitchen in .*b.json"),
        ({"suite_version": "2"}, "one suite version can be compared, got 1 in .*a.json, 2 in"),
    ],
)
def test_other_suites_and_versions_are_not_compared(tmp_path: Path, other: dict[str, Any], message: str) -> None:
    a = write_evaluation(tmp_path / "a.json", {"pick": [YES]})
    b = write_evaluation(tmp_path / "b.json", {"pick": [YES]}, **other)
    with pytest.raises(ConfigError, match=message):
        compare([a], [b])


def test_nothing_in_common_is_said_with_what_there_is(tmp_path: Path) -> None:
    a = write_evaluation(tmp_path / "a.json", {"pick": [YES]})
    b = write_evaluation(tmp_path / "b.json", {"push": [YES, NO]})
    with pytest.raises(ConfigError, match=r"a\.json: pick, seeds 1000000 to 1000000; .*push, seeds 1000000 to 1000001"):
        compare([a], [b])
    with pytest.raises(ConfigError, match="at least one"):
        compare([a], [])


def test_an_evaluation_without_groups_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    values = dict(write_evaluation(path, {"pick": [YES]}).values)
    del values["success"]["per_task"]["pick"]["group"]
    path.write_text(json.dumps(values))
    assert read_evaluation(path).groups == {"pick": "skills"}


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "is no JSON"), ("[]", "is not from `vla eval`"), ('{"suite": 1}', "it has no suite_version")],
)
def test_other_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "x.json"
    with pytest.raises(ConfigError, match="there is no such file"):
        read_evaluation(path)
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_evaluation(path)
