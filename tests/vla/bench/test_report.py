from __future__ import annotations

import json
from pathlib import Path

import pytest

from vla.bench.report import Report, ratios, row, write_report
from vla.cli.main import main


def test_row_and_ratios():
    fast, slow = row([0.1, 0.1, 0.4], work=6), row([0.4, 0.4, 0.4], work=6)
    assert fast.p50_ms == 100 and fast.per_second == 30
    assert ratios({"a": fast, "b": slow}, "a") == {"a/b": 2.0}


def test_json_has_what_the_design_asks_for(tmp_path: Path):
    rows = {"a": row([0.1], 1), "b": row([0.2], 1)}
    write_report(Report("training", "samples", rows, ratios(rows, "a")), tmp_path / "x/r.json")
    read = json.loads((tmp_path / "x/r.json").read_text())
    assert read["name"] == "training" and read["command"].startswith("vla") and read["versions"]["torch"]
    assert read["provenance"]["cpu"]
    assert read["rows"]["a"] == {"p50_ms": 100.0, "p99_ms": 100.0, "per_second": 10.0}
    assert read["ratios"] == {"a/b": 2.0}


def test_unknown_benchmark(capsys: pytest.CaptureFixture[str]):
    assert main(["bench", "trainign"]) == 2
    assert "Did you mean 'training'" in capsys.readouterr().err
