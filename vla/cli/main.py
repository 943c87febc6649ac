"""The ``vla`` command: finds the subcommand, composes its configuration, runs it, and turns errors into messages."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from vla.cli.commands import COMMANDS, FAMILIES
from vla.errors import UnknownNameError, VlaError

USAGE_ERROR = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``vla <command> [text] [key=value ...]``; a command is one word or two.

    Returns:
        0 on success, 1 when the command failed, 2 on a wrong argument, 130 when interrupted.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    family = arguments.pop(0) if arguments and arguments[0] in FAMILIES else ""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(overview(family))
        return 0
    name, rest = f"{family} {arguments[0]}".strip(), arguments[1:]
    try:
        if name not in COMMANDS:
            raise UnknownNameError("command", name, COMMANDS)
        from vla.cli import config

        own = rest[: rest.index("--")] if "--" in rest else rest
        if any(argument in ("-h", "--help") for argument in own):
            print(config.help_text(COMMANDS[name]))
            return 0
        options = config.load(COMMANDS[name], rest)
        return importlib.import_module(COMMANDS[name].module).run(options)
    except VlaError as error:
        print(f"vla {name}: {error}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        print(f"\nvla {name}: interrupted", file=sys.stderr)
        return 130


def overview(family: str = "") -> str:
    """Return the list of commands, or of those that begin with a family's word."""
    commands = [command for command in COMMANDS.values() if not family or command.name.startswith(f"{family} ")]
    width = max(len(command.name) for command in commands)
    rows = "\n".join(f"  {command.name:<{width}}  {command.summary}" for command in commands)
    usage = f"vla {family} <command>" if family else "vla <command>"
    return (
        "A vision-language-action stack: type a command, a robot arm carries it out.\n\n"
        f"usage: {usage} [key=value ...]\n\n{rows}\n\n"
        f"`{usage} --help` lists a command's options with their defaults."
    )


if __name__ == "__main__":
    sys.exit(main())
