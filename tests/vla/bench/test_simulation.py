from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from vla.cli.main import main


@pytest.mark.slow
def test_simulation_is_faster_than_the_package_it_takes_the_arm_from(tmp_path: Path):
    cores = os.sched_getaffinity(0)
    output = tmp_path / "simulation.json"
    assert main(["bench", "simulation", "calls=50", f"output={output}"]) == 0
    rows = json.loads(output.read_text())["rows"]
    assert rows["ours, physics only"]["per_second"] > rows["ours, two cameras"]["per_second"]
    assert rows["ours, two cameras"]["per_second"] > 5 * rows["lerobot-env-so101, one camera"]["per_second"]
    assert os.sched_getaffinity(0) == cores
