"""The released planner and policy carry out instructions typed at the command line."""

from pathlib import Path

import pytest

from vla.cli.main import main

BOTH = "put the red cube in the bowl, then press the button"
COMMANDS = [("press the button", 500000), ("pick up the red cube", 500001), (BOTH, 5), (BOTH, 42)]


@pytest.mark.slow
def test_released_weights_carry_out_most_of_a_fixed_set_of_commands(tmp_path: Path) -> None:
    outcomes = {
        (text, seed): main(["run", text, f"seed={seed}", "planner.latency=1.1", f"output={tmp_path / 'a.mp4'}"])
        for text, seed in COMMANDS
    }
    assert set(outcomes.values()) <= {0, 1}
    assert sum(code == 0 for code in outcomes.values()) >= len(COMMANDS) - 1, outcomes
