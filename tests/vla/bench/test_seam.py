from __future__ import annotations

import json
from pathlib import Path

import pytest

from vla.cli.main import main


@pytest.mark.slow
def test_blended_seams_are_smaller(tmp_path: Path) -> None:
    output = tmp_path / "seam.json"
    assert main(["bench", "seam", "trials=1", "seed=500000", "threads=1", f"output={output}"]) == 0
    settings = json.loads(output.read_text())["settings"]
    changes = settings["change_of_velocity"]
    assert settings["seams"] > 20
    assert settings["added"] < settings["ratio"] < 0.9
    assert changes["blended"]["p99"] < changes["at_once"]["p99"]


@pytest.mark.parametrize(
    ("option", "words"), [("replan_ticks=0", "replan_ticks=0"), ("blend_ticks=0", "blend_ticks=0")]
)
def test_bad_options_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, words: str) -> None:
    assert main(["bench", "seam", option, f"output={tmp_path / 'seam.json'}"]) == 2
    assert words in capsys.readouterr().err
