import json
from pathlib import Path

import pytest

from tests.helpers.pages import read_page
from tests.helpers.toy_suite import ToySimulation
from vla.cli.main import main

SUITE = "suite=tests.helpers.toy_suite:suite"


def evaluate(output: Path, *options: str) -> int:
    return main(["eval", SUITE, "policy=expert", "episodes=5", "workers=1", f"output={output}", *options])


def ledger(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]


def test_json_table_and_ledger(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "a.json"
    assert evaluate(output) == 0
    report = json.loads(output.read_text())
    about = {"suite": "toy", "tasks": ["reach", "hold", "tour"], "planner": "oracle", "policy": "expert"}
    assert {key: report[key] for key in about} == about
    assert (report["seed"], report["episodes"]) == (1_000_000, 5)
    assert {"command", "versions", "success"} <= report.keys()
    success = report["success"]
    assert success["per_task"]["reach"]["success"] == 0.8
    assert success["per_task"]["reach"]["failures"] == {"point not reached": 1}
    assert success["macro"] == pytest.approx((0.9 + 1.0) / 2)
    assert success["per_group"].keys() == {"skills", "long"}
    assert [record["seed"] for record in report["records"][:5]] == list(range(1_000_000, 1_000_005))
    assert all(record["instruction"].startswith("please") for record in report["records"]), "held-out wordings"
    (line,) = ledger(tmp_path)
    assert line["status"] == "completed"
    assert line["success"]["per_task"] == {"reach": 0.8, "hold": 1.0, "tour": 1.0}
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.html", "a.json", "ledger.jsonl"]
    assert "80.0 %" in capsys.readouterr().out
    page = read_page((tmp_path / "a.html").read_text())
    for shown in (
        "80.0 %",
        "point not reached",
        "Latency of the planner",
        report["command"],
        report["provenance"]["date"],
    ):
        assert shown in page.text


def test_results_depend_on_the_seed_but_not_on_the_number_of_workers(tmp_path: Path) -> None:
    for name, options in {"one": [], "two": ["workers=2"], "other": ["seed=7", "tasks=tour"]}.items():
        assert evaluate(tmp_path / f"{name}.json", *options) == 0
    one, two, other = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("one", "two", "other"))
    assert one["records"] == two["records"]
    assert one["success"] == two["success"]
    assert other["tasks"] == ["tour"]
    assert [record["seed"] for record in other["records"]] == [7, 8, 9, 10, 11]


def test_an_evaluation_that_crashed_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "a.json"
    resets: list[tuple[str, int]] = []
    reset = ToySimulation.reset

    def fragile(self: ToySimulation, task: str, seed: int, **options: str) -> None:
        if (task, seed) == ("hold", 1_000_002):
            raise RuntimeError("the simulation blew up")
        reset(self, task, seed, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(ToySimulation, "reset", fragile)
    with pytest.raises(RuntimeError, match="blew up"):
        evaluate(output)
    assert not output.exists()

    def watched(self: ToySimulation, task: str, seed: int, **options: str) -> None:
        resets.append((task, seed))
        reset(self, task, seed, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(ToySimulation, "reset", watched)
    assert evaluate(output) == 0
    assert len(resets) == 1 + 8, "one to make the simulation, and the 8 episodes that were missing"
    crashed, completed = ledger(tmp_path)
    assert (crashed["status"], crashed["error"], crashed["done"]) == (
        "crashed",
        "RuntimeError: the simulation blew up",
        7,
    )
    assert completed["status"] == "completed"

    monkeypatch.undo()
    assert evaluate(tmp_path / "b.json") == 0
    first, second = (json.loads((tmp_path / name).read_text()) for name in ("a.json", "b.json"))
    assert first["records"] == second["records"]


def test_the_first_failures_are_filmed(tmp_path: Path) -> None:
    assert evaluate(tmp_path / "a.json", "tasks=reach,hold", "episodes=9", "videos=1") == 0
    assert [file.name for file in (tmp_path / "a").iterdir()] == ["reach-1000003.mp4"]
    (video,) = read_page((tmp_path / "a.html").read_text()).all("video")
    assert video["src"].startswith("data:video/mp4;base64,")
    assert evaluate(tmp_path / "a.json", "tasks=reach,hold", "episodes=9", "videos=1", "embed_mb=0") == 0
    (video,) = read_page((tmp_path / "a.html").read_text()).all("video")
    assert video["src"] == "a/reach-1000003.mp4"


def test_a_checkpoint_is_evaluated_with_its_latency_and_digest(tmp_path: Path, toy_checkpoint: Path) -> None:
    options = [f"policy={toy_checkpoint}", "tasks=tour", "episodes=2"]
    assert evaluate(tmp_path / "a.json", *options) == 0
    assert evaluate(tmp_path / "b.json", *options, "n_action_steps=4", "planner.latency=0.3") == 0
    first, second = (json.loads((tmp_path / name).read_text()) for name in ("a.json", "b.json"))
    assert 0 < first["latency"]["policy_p50_ms"] <= first["latency"]["policy_p99_ms"]
    assert len(first["weights"]) == 16
    assert first["policy"] == str(toy_checkpoint)
    assert first["success"]["per_task"]["tour"]["failures"] == {"go timed out 3 times": 2}
    assert second["options"]["n_action_steps"] == 4
    assert second["options"]["planner"]["latency"] == 0.3


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("episodes=0", "episodes=0 must be at least 1"),
        ("workers=-1", "workers=-1 must be at least 1"),
        ("wording=old", "unknown wording 'old'"),
        ("tasks=fly", "unknown task 'fly'"),
        ("planner=psychic", "unknown planner 'psychic'"),
        ("planner.period=0", "planner.period=0 must be above 0"),
        ("policy=/nowhere", "no such checkpoint folder: /nowhere"),
        ("suite=nothing:there", "suite=nothing:there"),
    ],
)
def test_a_wrong_option_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, message: str) -> None:
    assert evaluate(tmp_path / "a.json", option) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "a.json").exists()


def test_the_output_is_named_after_the_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["eval", SUITE, "policy=expert", "episodes=1", "workers=1", "tasks=[hold,tour]"]) == 0
    (report,) = (tmp_path / "outputs" / "eval").glob("*.json")
    assert report.name == "tests.helpers.toy_suite_suite-hold_tour-oracle-expert-1000000.json"
