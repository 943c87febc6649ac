from pathlib import Path

import pytest

from tests.helpers.evaluations import write_evaluation
from tests.helpers.pages import read_page
from vla.cli.main import main

YES, NO = True, False


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with evaluations a, b and c."""
    monkeypatch.chdir(tmp_path)
    for name, successes in {"a": [YES, NO, NO], "b": [YES, YES, NO], "c": [NO, NO, NO]}.items():
        write_evaluation(tmp_path / f"{name}.json", {"pick": successes})
    return tmp_path


def test_one_evaluation_becomes_a_page_beside_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "a.json"]) == 0
    assert "wrote a.html" in capsys.readouterr().out
    assert "33.3 %" in read_page((folder / "a.html").read_text()).text


def test_two_evaluations_are_compared(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "a.json", "b.json", "output=x/compared.html"]) == 0
    shown = capsys.readouterr().out
    assert "0 : 1" in shown and "No difference is shown: +33.3 points" in shown
    assert "b against a" in read_page((folder / "x" / "compared.html").read_text()).text
    assert main(["report", "a.json", "b.json"]) == 0
    assert (folder / "outputs" / "report" / "b-against-a.html").is_file()


def test_several_files_a_side_are_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "a=[a.json,c.json]", "b=b.json"]) == 0
    shown = capsys.readouterr().out
    assert "A: 16.7 ± 23.6 % over runs (33.3, 0.0)" in shown and "sign test" in shown
    assert (folder / "outputs" / "report" / "b-against-a_c.html").is_file()


def test_a_training_run_becomes_a_page_in_its_folder(folder: Path) -> None:
    (folder / "run").mkdir()
    (folder / "run" / "metrics.jsonl").write_text('{"step": 1, "loss": 2.0}\n{"step": 2, "loss": 1.0}\n')
    assert main(["report", "run"]) == 0
    assert "last training loss" in read_page((folder / "run" / "report.html").read_text()).text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name an evaluation"),
        (["none.json"], "none.json: there is no such file"),
        (["a.json", "b.json", "c.json"], "3 results are given"),
        (["a.json", "b=b.json"], "not both"),
        (["a=[a.json,b.json]"], "give b="),
        (["a.json", "."], ". is a folder"),
        (["."], "is no training run"),
        (["a.json", "embed_mb=-1"], "embed_mb=-1"),
    ],
)
def test_what_cannot_be_shown_is_named(
    folder: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not list(folder.rglob("*.html"))
