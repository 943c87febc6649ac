from __future__ import annotations

import json
from pathlib import Path

import pytest

from vla.cli.main import main


def test_released_policy_is_faster_than_act(tmp_path: Path):
    output = tmp_path / "latency.json"
    assert main(["bench", "latency", "calls=10", "threads=1", "device=cpu", f"output={output}"]) == 0
    report = json.loads(output.read_text())
    assert set(report["rows"]) == {"ours", "ours, runtime=torch", "act"}
    assert report["ratios"]["ours/act"] > report["ratios"]["ours/ours, runtime=torch"] > 1.0
    assert report["settings"]["parameters"]["ours"] < report["settings"]["parameters"]["act"]


def test_unknown_peer_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["bench", "latency", "peers=akt", f"output={tmp_path / 'latency.json'}"]) == 2
    assert "Did you mean 'act'" in capsys.readouterr().err
    assert not (tmp_path / "latency.json").exists()
