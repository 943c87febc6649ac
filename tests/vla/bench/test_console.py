"""That the console is measured; how well it does is up to the machine, and not asserted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.helpers.browser import needs_browser
from vla.cli.main import main


@pytest.mark.slow
@pytest.mark.realtime
@needs_browser
def test_ticks_video_and_stops_are_accounted_for(tmp_path: Path) -> None:
    output = tmp_path / "console.json"
    options = ["minutes=0.05", "trials=2", "robot=so101_sim", f"output={output}"]
    assert main(["bench", "console", *options]) == 0
    report = json.loads(output.read_text())
    settings = report["settings"]
    assert (settings["trials"], settings["outcomes"]["stopped"]) == (2, 2)
    assert settings["frames_per_second"] > 1.0
    assert settings["ticks"] > 30
    assert 0.0 < report["rows"]["Stop, click to command"]["p50_ms"] <= settings["max_ms"] < 5000.0


@pytest.mark.parametrize("option", ["minutes=0", "trials=0"])
def test_bad_options_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str) -> None:
    assert main(["bench", "console", option, f"output={tmp_path / 'console.json'}"]) == 2
    assert option in capsys.readouterr().err
