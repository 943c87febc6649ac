from importlib import resources

import pytest

from vla.cli import config
from vla.cli.commands import COMMANDS
from vla.cli.main import main
from vla.errors import ConfigError, UnknownNameError

REQUIRED = {
    "collect": ["output=x"],
    "inspect": ["dataset=x"],
    "train": ["dataset=x", "output=y"],
    "eval": [],
    "report": [],
    "doctor": [],
    "run": ["instruction=x"],
    "deploy": ["instruction=x"],
    "command": [],
    "console": [],
    "calibrate": [],
    "teleoperate": [],
    "record": ["instruction=x", "output=y"],
    "serve": [],
    "export": [],
    "merge": ["datasets=[a,b]", "output=c"],
    "bench": ["benchmark=latency"],
    "ask": ["question=x"],
    "vlm data": ["output=x"],
    "vlm train": ["stage=align", "data=x", "output=y"],
    "vlm eval": [],
    "vlm serve": [],
}


def groups():
    for group in sorted(item.name for item in resources.files("configs").iterdir() if item.is_dir()):
        if group.startswith("_"):
            continue
        for choice in config._choices(group):
            yield group, choice


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_composes_and_explains_itself(name, capsys):
    assert main([*name.split(), "--help"]) == 0
    text = capsys.readouterr().out
    options = config.load(COMMANDS[name], REQUIRED[name])
    for key in options:
        assert f"  {key}=" in text, f"{key} is not in the help"
    for line in text.splitlines():
        if line.startswith("  "):
            assert len(line.split()) >= 3, f"no description: {line}"


@pytest.mark.parametrize(("group", "choice"), groups())
def test_every_choice_of_every_group_composes(group, choice):
    users = [name for name in COMMANDS if group in config._options_and_groups(COMMANDS[name])[1]]
    assert users, f"no command uses the group {group}"
    for name in users:
        options = config.load(COMMANDS[name], [*REQUIRED[name], f"{group}={choice}"])
        if group != "experiment" and choice != "none":  # experiments set other groups
            assert options[group], f"{group}={choice} is empty"


def test_text_and_values():
    options = config.load(COMMANDS["run"], ["put", "it", "there", "seed=3", "policy=checkpoints/x", "planner.period=2"])
    assert options.instruction == "put it there"
    assert options.seed == 3
    assert options.policy == "checkpoints/x"
    assert options.planner.period == 2


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("eval", ["plannner=oracle"], "Did you mean 'planner'"),
        ("eval", ["planner=orcale"], "Did you mean 'oracle'"),
        ("train", ["policy=late_fusoin", "dataset=x", "output=y"], "Did you mean 'late_fusion'"),
    ],
)
def test_unknown_names_are_named(name, arguments, message):
    with pytest.raises(UnknownNameError, match=message):
        config.load(COMMANDS[name], arguments)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("collect", [], "output= must be given"),
        ("train", ["x"], "'x' is not key=value"),
        ("eval", ["planner.perod=1"], "perod"),
    ],
)
def test_bad_values_are_named(name, arguments, message):
    with pytest.raises(ConfigError, match=message):
        config.load(COMMANDS[name], arguments)


def test_errors_are_messages_not_traces(capsys):
    assert main(["evla"]) == 2
    assert "unknown command 'evla'" in capsys.readouterr().err
    assert main([]) == 0
    assert "usage: vla" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["vlm"], ["vlm", "--help"]])
def test_a_family_lists_its_commands_only(arguments, capsys):
    assert main(arguments) == 0
    listed = [line.split("  ")[1] for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert listed == [name for name in COMMANDS if name.startswith("vlm ")]


def test_a_wrong_second_word_is_named(capsys):
    assert main(["vlm", "dat"]) == 2
    error = capsys.readouterr().err
    assert "unknown command 'vlm dat'" in error and "Did you mean 'vlm data'" in error


def test_an_experiment_sets_several_options_and_the_command_line_has_the_last_word():
    required = ["dataset=here", "output=there"]
    config_ = config.load(COMMANDS["train"], [*required, "experiment=tabletop", "policy.colour=0.3"])
    assert (config_.precision, config_.policy.shift_pixels, config_.policy.colour) == ("bf16", 0, 0.3)
    plain = config.load(COMMANDS["train"], required)
    assert plain.precision == "fp32" and "experiment" not in plain


def test_flags_are_options():
    assert config.load(COMMANDS["inspect"], ["here", "--rerun"]).rerun is True
    assert config.load(COMMANDS["inspect"], ["here", "--rerun=x.rrd", "--episodes=3"]).rerun == "x.rrd"
    assert config.load(COMMANDS["eval"], ["--embed-mb=3"]).embed_mb == 3
    with pytest.raises(UnknownNameError, match="unknown option '--rerum'"):
        config.load(COMMANDS["inspect"], ["here", "--rerum"])
