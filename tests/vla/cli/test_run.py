from pathlib import Path

import pytest

from vla.cli.main import main

SUITE = "suite=tests.helpers.toy_suite:suite"


def carry_out(instruction: str, output: Path, *options: str) -> int:
    return main(["run", instruction, SUITE, "planner=oracle", "policy=expert", f"output={output}", *options])


def test_success_prints_subgoals_and_rates_and_writes_a_video(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert carry_out("go to point 0 then point 1", tmp_path / "a.mp4") == 0
    text = capsys.readouterr().out
    assert "1. go to point 0: reached" in text
    assert "2. go to point 1: reached" in text
    assert "control ticks/s" in text
    assert "success after" in text
    assert (tmp_path / "a.mp4").stat().st_size > 1000


def test_failure_has_exit_code_one_and_a_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert carry_out("go to point 0", tmp_path / "a.mp4", "seed=3", "max_seconds=2") == 1
    assert "failure: point not reached after 2.0 s" in capsys.readouterr().out
    assert (tmp_path / "a.mp4").exists()


@pytest.mark.parametrize(
    ("instruction", "message"),
    [("dance", "cannot parse 'dance'"), ("go to nowhere", "refused: there is no such point"), (" ", "is empty")],
)
def test_what_cannot_be_done_moves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], instruction: str, message: str
) -> None:
    assert carry_out(instruction, tmp_path / "a.mp4") == 2
    captured = capsys.readouterr()
    assert message in captured.out + captured.err
    assert not (tmp_path / "a.mp4").exists()


def test_words_that_the_simulator_does_not_know_reach_a_planner_that_takes_any(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, words = tmp_path / "a.mp4", "pick up what stands nearest to the bowl"
    short = ["policy=checkpoints/tabletop", "seed=1", "max_seconds=0.2", f"output={output}"]
    assert main(["run", words, "planner=none", *short]) == 1
    printed = capsys.readouterr().out
    assert "the planner's word counts" in printed and f"1. {words}: timeout" in printed
    assert main(["run", words, "planner=grammar", *short]) == 2
    assert "unknown object 'what'" in capsys.readouterr().err


def test_the_video_is_named_after_the_instruction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", "go to point 0", SUITE, "planner=oracle", "policy=expert", "seed=5"]) == 0
    assert (tmp_path / "outputs/run/go_to_point_0-5.mp4").is_file()
