import base64
import json
import re
import tomllib
from importlib import resources
from pathlib import Path

import pytest

from tests.helpers.evaluations import FIRST_SEED, write_evaluation
from tests.helpers.pages import read_page
from vla.errors import ConfigError
from vla.evaluation.comparison import compare
from vla.reports.charts import Series, thin
from vla.reports.comparison_page import write_comparison_page
from vla.reports.evaluation_page import write_evaluation_page
from vla.reports.media import place_videos
from vla.reports.training_page import summarize_run, write_training_page

YES, NO = True, False


def film(folder: Path, name: str, size: int) -> bytes:
    folder.mkdir(exist_ok=True)
    content = bytes(range(256)) * (size // 256)
    (folder / f"{name}.mp4").write_bytes(content)
    return content


def test_an_evaluation_as_a_page(tmp_path: Path) -> None:
    evaluation = write_evaluation(tmp_path / "a.json", {"pick": [YES, NO, NO], "push": [YES, YES, YES]})
    small = film(tmp_path / "a", f"pick-{FIRST_SEED + 1}", 512)
    film(tmp_path / "a", f"pick-{FIRST_SEED + 2}", 4096)
    page = read_page(write_evaluation_page(evaluation, tmp_path / "out" / "a.html", 0.001).read_text())
    for shown in (
        "66.7 %",
        "33.3 %",
        "pick & missed",
        "please pick <b>",
        "vla eval policy=http://host/x",
        "torch 2.11.0",
    ):
        assert shown in page.text
    assert "Latency of the policy, 12 calls" in page.text and "Latency of the planner, 6 calls" in page.text
    embedded, linked = page.all("video")
    assert base64.b64decode(embedded["src"].removeprefix("data:video/mp4;base64,")) == small
    assert linked["src"] == f"../a/pick-{FIRST_SEED + 2}.mp4"
    assert (tmp_path / "out" / linked["src"]).resolve().is_file()
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["a.html"]


def test_videos_of_another_evaluation_in_the_same_folder_are_not_shown(tmp_path: Path) -> None:
    evaluation = write_evaluation(tmp_path / "a.json", {"pick": [NO, NO]}, videos=[f"pick-{FIRST_SEED}"])
    for index in (0, 1):
        film(tmp_path / "a", f"pick-{FIRST_SEED + index}", 256)
    page = read_page(write_evaluation_page(evaluation, tmp_path / "a.html", 1).read_text())
    (video,) = page.all("video")
    assert f"seed {FIRST_SEED}:" in video["aria-label"]


def test_old_evaluations_without_origin_or_histograms_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    values = dict(
        write_evaluation(path, {"pick": [YES, NO]}, latency={"policy_p50_ms": 16.0, "policy_p99_ms": 36.0}).values
    )
    for name in ("command", "versions", "options", "weights"):
        del values[name]
    evaluation = write_evaluation(path, {"pick": [YES, NO]})
    object.__setattr__(evaluation, "values", values)
    page = read_page(write_evaluation_page(evaluation, tmp_path / "a.html", 1).read_text())
    assert "policy: p50 16.0 ms, p99 36.0 ms" in page.text and "not recorded" in page.text


def test_a_comparison_as_a_page(tmp_path: Path) -> None:
    a = write_evaluation(tmp_path / "one.json", {"pick": [YES] + [NO] * 29})
    b = write_evaluation(tmp_path / "two.json", {"pick": [NO] + [YES] * 29})
    page = read_page(write_comparison_page(compare([a], [b]), tmp_path / "x.html").read_text())
    assert "two against one" in page.text and "B is better: +93.3 points" in page.text
    assert "30 scenes in which one side succeeds more often" in page.text and "only A" in page.text
    back = read_page(write_comparison_page(compare([b], [a]), tmp_path / "x.html").read_text())
    assert "B is worse: −93.3 points" in back.text
    same = read_page(write_comparison_page(compare([a], [a]), tmp_path / "x.html").read_text())
    assert "No difference is shown" in same.text and "Spread over runs" not in same.text
    several = read_page(write_comparison_page(compare([a, b], [b]), tmp_path / "x.html").read_text())
    assert "Spread over runs" in several.text and "sign test" in several.text


def test_a_training_run_as_a_page(tmp_path: Path) -> None:
    folder = tmp_path / "run<1>"
    folder.mkdir()
    rows: list[dict] = [
        {
            "step": step,
            "loss": 10 / step,
            "lr": 1e-4,
            "action_error": 1.0,
            "samples_per_second": 200.0,
            "elapsed": step * 2.0,
        }
        for step in range(1, 700)
    ]
    rows += [{"step": 300, "val_loss": 0.5, "val_new_metric": 3.0}, {"step": 699, "val_loss": 0.7}]
    (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows) + '{"step": 7')
    (folder / "run.json").write_text(json.dumps({"dataset": "outputs/data/x", "seed": 3, "policy": {"type": "act"}}))
    start = {
        "command": "vla train 'output=a b'",
        "versions": {"python": "3.12"},
        "provenance": {"cpu": "Z80", "cores": 1},
    }
    (folder / "starts.jsonl").write_text(f"{json.dumps(start)}\n{json.dumps(start)}\n")
    page = read_page(write_training_page(folder, folder / "report.html").read_text())
    titles = ["Loss", "Action error", "Learning rate", "Speed", "new metric"]
    assert [label.split(" over ")[0] for svg in page.all("svg") if (label := svg.get("aria-label"))] == titles
    for shown in (
        "run<1>",
        "0.5, at update 300",
        "23.3 min",
        "policy.type",
        "vla train 'output=a b'",
        "Z80, 1 cores",
        "resumed, 1",
    ):
        assert shown in page.text
    assert len((folder / "report.html").read_text()) < 60_000


def test_a_run_that_has_recorded_nothing_yet_has_a_page(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no training run: it has no metrics\.jsonl"):
        write_training_page(tmp_path, tmp_path / "report.html")
    (tmp_path / "metrics.jsonl").write_text("")
    page = read_page(write_training_page(tmp_path, tmp_path / "report.html").read_text())
    assert "Nothing has been recorded yet" in page.text
    assert summarize_run([]) == []


def test_videos_are_embedded_while_they_fit(tmp_path: Path) -> None:
    for name, size in (("a", 512), ("b", 2048), ("c b", 256)):
        film(tmp_path, name, size)
    files = [tmp_path / f"{name}.mp4" for name in ("a", "b", "c b")]
    assert [video.embedded for video in place_videos(files, tmp_path / "x.html", 0.001)] == [True, False, True]
    linked = place_videos(files, tmp_path / "x.html", 0)
    assert [video.source for video in linked] == ["a.mp4", "b.mp4", "c%20b.mp4"]


def test_long_lines_keep_their_mean_and_ends() -> None:
    line = thin(Series("x", list(range(1000)), [1.0, 3.0] * 500), most=100)
    assert len(line.x) == 100 and set(line.y) == {2.0}
    assert line.x[0] < 10 and line.x[-1] > 989
    short = Series("x", [1], [2])
    assert thin(short) is short


def test_templates_are_packaged() -> None:
    root = Path(__file__).parents[3]
    patterns = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["vla.reports"]
    packaged = {file for pattern in patterns for file in (root / "vla" / "reports").glob(pattern)}
    assert set((root / "vla" / "reports" / "templates").iterdir()) == packaged != set()


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_have_contrast(scheme: int) -> None:
    style = (resources.files("vla.reports") / "templates" / "style.css").read_text()
    block = re.findall(r":root \{(.*?)\}", style, re.S)[scheme]
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block))
    for name in ("text", "muted", "first", "second", "third", "good", "bad"):
        high, low = sorted((luminance(colours[name]), luminance(colours["page"])), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5, name
    assert len(colours) == 10
