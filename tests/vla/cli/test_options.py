from pathlib import Path

import pytest
from omegaconf import DictConfig

from tests.helpers import toy_suite
from vla.cli import config, options
from vla.cli.commands import COMMANDS
from vla.errors import ConfigError, UnknownNameError

TOY = "suite=tests.helpers.toy_suite:suite"


def load(*arguments: str) -> DictConfig:
    return config.load(COMMANDS["eval"], arguments)


@pytest.mark.parametrize("command", ["collect", "eval", "run"])
def test_commands_compose_and_explain_every_option(command: str) -> None:
    given = {"collect": ["output=x"], "eval": [], "run": ["go"]}[command]
    loaded = config.load(COMMANDS[command], given)
    text = config.help_text(COMMANDS[command])
    assert all(f"{name}=" in text for name in map(str, loaded))
    explained = [line for line in text.splitlines() if line.startswith("  ")]
    assert all(len(line.split()) > 2 for line in explained), "every option has a description"


def test_env_options_follow_the_suite() -> None:
    tabletop = options.env_options(load("env.image_size=[96,64]"))
    assert tabletop["image_size"] == (96, 64)
    assert tabletop["control_hz"] == 30.0
    assert options.env_options(load(TOY)) == {}


@pytest.mark.parametrize("tasks", ["tasks=hold,tour", "tasks=[hold,tour]", "tasks='hold,tour'"])
def test_tasks_are_a_list_in_either_notation(tasks: str) -> None:
    chosen = options.select_tasks(toy_suite.suite, load(TOY, tasks))  # type: ignore[arg-type]
    assert [task.name for task in chosen] == ["hold", "tour"]


def test_planner_options_reach_the_planner() -> None:
    spec = options.planner_spec(load("planner=grammar", "planner.period=0.5", "planner.latency=null"))
    assert (spec.name, spec.period, spec.latency) == ("grammar", 0.5, None)
    with pytest.raises(ConfigError, match=r"planner\.latency=-1 must be at least 0"):
        options.planner_spec(load("planner.latency=-1"))
    with pytest.raises(ConfigError, match=r"planner\.speed"):
        load("planner.speed=3")


def test_wording_and_workers_are_checked() -> None:
    assert options.wording(load("wording=train")) == "train"
    assert options.worker_count(load()) >= 1
    assert options.worker_count(load("workers=3")) == 3
    with pytest.raises(UnknownNameError, match=r"unknown wording 'tset'\. Did you mean 'test'"):
        options.wording(load("wording=tset"))


def test_retrained_weights_have_another_digest(tmp_path: Path) -> None:
    for name in ("config.json", "policy_preprocessor.json", "policy_postprocessor.json"):
        (tmp_path / name).write_text("{}")
    assert options.weights_digest("expert") is None
    assert options.weights_digest(str(tmp_path)) is None
    digests = set()
    for weights in (b"one", b"two", b"one"):
        (tmp_path / "model.safetensors").write_bytes(weights)
        digests.add(options.weights_digest(str(tmp_path)))
    assert len(digests) == 2


def test_a_folder_is_no_file_to_write(tmp_path: Path) -> None:
    assert options.output_file(tmp_path / "a.json") == tmp_path / "a.json"
    with pytest.raises(ConfigError, match=r"is a folder; name the file to write"):
        options.output_file(tmp_path)
