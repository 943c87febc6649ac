from __future__ import annotations

import json
from pathlib import Path

import pytest

from vla.bench import faults
from vla.cli.main import main


@pytest.mark.slow
@pytest.mark.realtime
def test_the_arm_rests_after_a_fault_and_goes_on_after_a_short_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = dict(faults.LASTING)
    monkeypatch.setattr(faults, "LASTING", {name: every[name] for name in ("servo unplugged", "servo too hot")})
    monkeypatch.setattr(faults, "PASSING", {"cameras black": every["cameras black"]})
    output = tmp_path / "faults.json"
    assert main(["bench", "faults", "trials=1", "env.image_size=[48,48]", f"output={output}"]) == 0
    report = json.loads(output.read_text())
    outcomes = report["settings"]["outcomes"]
    assert list(report["rows"]) == list(outcomes) == ["servo unplugged", "servo too hot", "cameras black, for 0.2 s"]
    assert all(counts[faults.WRONG] == 0 for counts in outcomes.values()), outcomes
    assert "servo elbow_flex reports overheat" in outcomes["servo too hot"]
    assert "went on" in outcomes["cameras black, for 0.2 s"]
    assert all(row["p99_ms"] < 2500 for row in report["rows"].values())
