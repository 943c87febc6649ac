from __future__ import annotations

import json
from pathlib import Path

import pytest

from vla.bench import twin
from vla.cli.main import main


@pytest.mark.slow
@pytest.mark.realtime
def test_the_same_scene_is_tried_on_both_robots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twin, "INSTRUCTIONS", ("press the button",))
    monkeypatch.setattr(twin, "LONGEST", 0.3)
    output = tmp_path / "twin.json"
    assert main(["bench", "twin", "trials=1", f"output={output}"]) == 0
    settings = json.loads(output.read_text())["settings"]
    for robot in twin.ROBOTS:
        assert settings[robot]["episodes"] == 1
        assert settings[robot]["successes"] == 0  # there is no time for it
        assert settings[robot]["failed"][0].startswith("press the button, seed 1000")
    assert settings["only"] == dict.fromkeys(twin.ROBOTS, 0)
