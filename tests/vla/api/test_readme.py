"""The example of the README runs as it is written there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.slow
def test_the_example_of_the_readme_runs_as_a_script(tmp_path: Path) -> None:
    examples = re.findall(r"```python\n(from vla\.api .*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(examples) == 1
    assert len(examples[0].strip().splitlines()) <= 11
    script = tmp_path / "example.py"
    script.write_text(examples[0])
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, cwd=ROOT, env=environment, timeout=900
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == '"put the red cube in the bowl, then press the button"'
    of_subgoals = [line for line in lines if re.match(r"  \d+\. ", line)]  # between them: rates, and why the arm holds
    assert of_subgoals[0] == "  1. pick up the red cube: planned"
    assert any(line.startswith(("success", "failure")) for line in lines)
    assert lines[-1].split()[0] in ("success", "failure")
