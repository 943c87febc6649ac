from __future__ import annotations

import json
from pathlib import Path

import pytest

from vla.bench import link
from vla.cli.main import main


@pytest.mark.slow
def test_the_arm_holds_when_its_policy_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "FAULTS", ("server killed", "policy process killed"))
    output = tmp_path / "link.json"
    assert main(["bench", "link", "trials=1", f"output={output}"]) == 0
    report = json.loads(output.read_text())
    assert list(report["rows"]) == list(link.FAULTS)
    assert report["settings"]["did_not_obey"] == dict.fromkeys(link.FAULTS, 0)
    assert all(row["p99_ms"] < 500 for row in report["rows"].values())  # a chunk goes on for 800


def test_without_a_filter_nothing_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "link", "safety=none"]) == 2
    assert "safety=none" in capsys.readouterr().err
