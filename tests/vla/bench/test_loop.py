"""That the loop is measured; how well it keeps time is up to the machine, and not asserted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vla.cli.main import main


@pytest.mark.slow
def test_a_run_is_accounted_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "loop.json"
    assert main(["bench", "loop", "minutes=0.1", "robot=so101_sim", f"output={output}"]) == 0
    report = json.loads(output.read_text())
    settings = report["settings"]
    assert settings["elapsed"] == pytest.approx(6.0, abs=2.0)
    assert 0 < settings["ticks"] <= settings["elapsed"] * settings["control_hz"] + 2
    assert settings["errors"] == []
    assert report["rows"]["policy, observation to chunk"]["p50_ms"] > 1.0
    assert "missed" in capsys.readouterr().out


@pytest.mark.parametrize(("option", "words"), [("minutes=0", "minutes=0"), ("safety=none", "safety filter")])
def test_bad_options_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, words: str) -> None:
    assert main(["bench", "loop", option, f"output={tmp_path / 'loop.json'}"]) == 2
    assert words in capsys.readouterr().err
