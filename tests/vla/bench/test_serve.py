from __future__ import annotations

import json
from pathlib import Path

import pytest

from vla.cli.main import main


@pytest.mark.slow
def test_what_serving_costs_is_measured(tmp_path: Path) -> None:
    output = tmp_path / "serve.json"
    assert main(["bench", "serve", "calls=20", "threads=1", "device=cpu", f"output={output}"]) == 0
    rows = json.loads(output.read_text())["rows"]
    assert set(rows) == {"in process", "remote", "overhead"}
    assert 0 < rows["overhead"]["p50_ms"] < rows["remote"]["p50_ms"]
