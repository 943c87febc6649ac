from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import pytest

from vla.bench import training
from vla.cli.main import main
from vla.errors import UnknownNameError


@pytest.fixture
def toy_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import_module("tests.vla.training.toy_policy.configuration_toy")
    monkeypatch.setattr(training, "policy_fields", lambda name: {"type": "toy"})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.usefixtures("toy_policy")
def test_cache_beats_decoding(tmp_path: Path):
    dataset = training.made_up_dataset(tmp_path / "made_up", seed=0, episodes=3, frames=20)
    output = tmp_path / "training.json"
    options = ["batch_size=4", "workers=0", "updates=3", "rounds=1", "policy=toy", f"dataset={dataset}"]
    assert main(["bench", "training", *options, f"output={output}"]) == 0
    report = json.loads(output.read_text())
    assert set(report["rows"]) == {"vla train", "lerobot-train"}
    assert report["ratios"]["vla train/lerobot-train"] > 2
    assert report["settings"]["updates"] == 3


def test_policy_is_named_if_unknown():
    assert training.policy_fields("act")["type"] == "act"
    with pytest.raises(UnknownNameError, match="Did you mean 'act'"):
        training.policy_fields("akt")
