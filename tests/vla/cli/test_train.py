from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.helpers.pages import read_page
from tests.vla.data.synthetic import random_dataset
from vla.cli.main import main
from vla.training.records import read_metrics


@pytest.fixture(scope="module")
def dataset_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_dataset(tmp_path_factory.mktemp("data") / "walk", episodes=4, frames=10, size=32)


def test_trains_reports_and_refuses_to_start_over(dataset_folder, tmp_path, capsys):
    output = tmp_path / "run"
    arguments = [f"dataset={dataset_folder}", f"output={output}", f"cache_folder={tmp_path / 'frames'}", "steps=3"]
    arguments += ["batch_size=4", "workers=0", "log_steps=1", "policy=act", "policy.chunk_size=4"]
    arguments += ["policy.n_action_steps=4", "+policy.dim_model=32", "+policy.dim_feedforward=32", "+policy.n_heads=2"]
    assert main(["train", *arguments]) == 0
    shown = capsys.readouterr().out
    assert "3 updates in" in shown and "training: 3/3" in shown and "decoding frames" in shown
    assert str(output / "checkpoints/000003/pretrained_model") in shown
    assert [row["step"] for row in read_metrics(output) if "loss" in row] == [1, 2, 3]
    page = read_page((output / "report.html").read_text())
    assert "last training loss" in page.text and "policy.type" in page.text and "torch 2." in page.text
    (start,) = (output / "starts.jsonl").read_text().splitlines()
    assert json.loads(start)["provenance"]["cpu"] in page.text
    assert main(["train", *arguments]) == 2
    assert "is complete" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["steps=3"], "dataset= must be given"),
        (["dataset=/nowhere", "output=/tmp/never", "steps=3"], "is not a LeRobot dataset"),
        (["dataset=x", "output=/tmp/never"], "give one of steps= and minutes="),
        (["dataset=x", "output=/tmp/never", "steps=3", "policy=actt"], "Did you mean 'act'"),
        (["dataset=x", "output=/tmp/never", "steps=3", "precision=fp8"], "not one of fp32, bf16"),
        (["dataset=x", "output=/tmp/never", "steps=3", "batchsize=3"], "Did you mean 'batch_size'"),
    ],
)
def test_wrong_arguments(arguments, message, capsys):
    assert main(["train", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_every_policy_of_the_group_builds_its_configuration():
    from omegaconf import OmegaConf

    import configs
    from vla.training.setup import policy_config

    files = sorted((Path(configs.__path__[0]) / "policy").glob("*.yaml"))
    assert {file.stem for file in files} >= {"act", "late_fusion"}
    for file in files:
        assert policy_config(OmegaConf.to_container(OmegaConf.load(file)), "cpu").type  # type: ignore[arg-type]


def test_help_names_every_option(capsys):
    assert main(["train", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "minutes=" in shown and "late_fusion" in shown and "learning rate follows" in shown


def test_an_interrupted_run_has_a_page(tmp_path, monkeypatch, capsys):
    from vla.training import trainer

    def interrupted(options, report):
        options.output.mkdir()
        (options.output / "metrics.jsonl").write_text('{"step": 1, "loss": 2.5}\n')
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer, "train", interrupted)
    assert main(["train", "dataset=none", f"output={tmp_path / 'run'}", "steps=5"]) == 130
    assert "2.5" in read_page((tmp_path / "run" / "report.html").read_text()).text
    assert "report.html" in capsys.readouterr().out
