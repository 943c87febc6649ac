"""Configuration of a command: hydra composition, plain-language errors, and help made from the YAML's comments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import resources

from hydra import compose, initialize_config_module
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from vla.cli.commands import Command
from vla.errors import ConfigError, UnknownNameError


def load(command: Command, arguments: Sequence[str]) -> DictConfig:
    """Compose the configuration of ``command`` with the overrides of the command line.

    Words without ``=`` are joined into the command's text option, or kept as a list where it takes one. An override
    whose key is one of the root file's plain options is set as a value even when a config group has the same name, so
    that ``policy=<folder>`` works where the command takes a checkpoint. ``suite=<name>`` also chooses the group ``env``
    of that name; a suite without one has no ``env`` options. What comes after ``--`` is the command's option
    ``passed_on``, where it has one. ``--name`` is ``name=true``, and ``--name=value`` is ``name=value``.

    Raises:
        UnknownNameError: an option or a choice of a group does not exist.
        ConfigError: a value does not parse or fit, or an option that must be given is missing.
    """
    values: dict[str, object] = {}
    if "--" in arguments:
        if command.passed_on is None:
            raise ConfigError(f"vla {command.name} passes no arguments on; leave -- out")
        end = arguments.index("--")
        values[command.passed_on], arguments = list(arguments[end + 1 :]), arguments[:end]
    arguments = [_flag(argument, command) for argument in arguments]
    overrides = [argument for argument in arguments if re.match(r"[+~]*[\w./@]+=", argument)]
    words = [argument for argument in arguments if argument not in overrides]
    plain, groups = _options_and_groups(command)
    if words:
        if command.words is not None:
            values[command.words] = words
        elif command.text is not None:
            values[command.text] = " ".join(words)
        else:
            raise ConfigError(f"{words[0]!r} is not key=value. Options: {', '.join([*groups, *plain])}")
    passed_on: list[str] = []
    for argument in overrides:
        key, text = argument.split("=", 1)
        name = key.lstrip("+~").split(".")[0]
        if name not in plain and name not in groups:
            raise UnknownNameError("option", key, [*groups, *plain])
        if key in plain:
            values[key] = _value(argument, text)
        else:
            passed_on.append(argument)
        if key in groups and (choices := _choices(key)) and text not in choices:
            raise UnknownNameError(key, text, choices)
    if "env" in groups and "suite" in values and not any(argument.startswith("env=") for argument in overrides):
        suite = str(values["suite"])
        passed_on.append(f"env={suite}" if suite in _choices("env") else "~env")
    try:
        with initialize_config_module("configs", version_base="1.3"):
            config = compose(command.file, overrides=passed_on)
        for key, value in values.items():
            OmegaConf.update(config, key, value, merge=False)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(str(error).splitlines()[0]) from error
    if missing := sorted(OmegaConf.missing_keys(config)):
        raise ConfigError(f"{missing[0]}= must be given; see `vla {command.name} --help`")
    return config


def _flag(argument: str, command: Command) -> str:
    """Return an argument that begins with ``--`` as an override, any other as it is."""
    flag = re.fullmatch(r"--([A-Za-z_][\w.-]*)(=.*)?", argument, re.DOTALL)
    if flag is None:
        return argument
    key = flag[1].replace("-", "_")
    plain, groups = _options_and_groups(command)
    if key.split(".")[0] not in plain and key.split(".")[0] not in groups:
        raise UnknownNameError("option", argument, [*groups, *plain])
    return f"{key}{flag[2] or '=true'}"


def help_text(command: Command) -> str:
    """Return usage and options of a command; an option's description is its comment in the YAML file."""
    text = f" [{command.text}]" if command.text else f" [{command.words} ...]" if command.words else ""
    more = " [-- argument ...]" if command.passed_on else ""
    lines = [
        f"usage: vla {command.name}{text} [key=value ...]{more}",
        "",
        f"{command.summary[0].upper()}{command.summary[1:]}.",
    ]
    lines += [line.lstrip("# ") for line in _header(command)]
    plain, groups = _options_and_groups(command)
    rows = [(f"{name}=", f"{default} ", f"one of: {', '.join(_choices(name))}") for name, default in groups.items()]
    rows += [(f"{name}=", default, comment) for name, (default, comment) in plain.items()]
    key_width = max(len(key) for key, _, _ in rows)
    default_width = min(28, max(len(default) for _, default, _ in rows))
    lines += ["", "options (with defaults; ??? must be given):"]
    lines += [f"  {key:<{key_width}} {default:<{default_width}}  {comment}".rstrip() for key, default, comment in rows]
    return "\n".join(lines)


def _root_lines(command: Command) -> list[str]:
    return (resources.files("configs") / f"{command.file}.yaml").read_text().splitlines()


def _header(command: Command) -> list[str]:
    lines = _root_lines(command)
    return lines[: next((i for i, line in enumerate(lines) if not line.startswith("#")), 0)]


def _options_and_groups(command: Command) -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
    """Return {option: (default, comment)} and {group: default choice} of the command's root file."""
    plain: dict[str, tuple[str, str]] = {}
    for line in _root_lines(command):
        if (match := re.match(r"(\w+):\s*([^#]*?)\s*(?:#\s*(.*))?$", line)) and match[1] != "defaults":
            plain[match[1]] = (match[2], match[3] or "")
    root = OmegaConf.create("\n".join(_root_lines(command)))
    assert isinstance(root, DictConfig)
    defaults = root.get("defaults", [])
    groups = {str(k): str(v) for entry in defaults if isinstance(entry, DictConfig) for k, v in entry.items()}
    return plain, groups


def _choices(group: str) -> list[str]:
    folder = resources.files("configs") / group
    return sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml"))


def _value(argument: str, text: str) -> object:
    """Parse an override's value by hydra's grammar; text that is not in the grammar, or ``a,b``, stays text."""
    try:
        override = OverridesParser.create().parse_override(argument)
    except HydraException:
        return text
    return text if override.is_sweep_override() else override.value()
