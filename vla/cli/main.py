"""The ``vla`` command: finds the subcommand, composes its configuration, runs it, and turns errors into messages."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from vla.cli.commands import COMMANDS
from vla.errors import UnknownNameError, VlaError

USAGE_ERROR = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``vla <command> [text] [key=value ...]``.

    Returns:
        0 on success, 1 when the command failed, 2 on a wrong argument, 130 when interrupted.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(overview())
        return 0
    name, rest = arguments[0], arguments[1:]
    try:
        if name not in COMMANDS:
            raise UnknownNameError("command", name, COMMANDS)
        from vla.cli import config

        if any(argument in ("-h", "--help") for argument in rest):
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


def overview() -> str:
    """Return the list of commands."""
    width = max(map(len, COMMANDS))
    rows = "\n".join(f"  {command.name:<{width}}  {command.summary}" for command in COMMANDS.values())
    return (
        "A vision-language-action stack: type a command, a robot arm carries it out.\n\n"
        f"usage: vla <command> [key=value ...]\n\n{rows}\n\n"
        "`vla <command> --help` lists a command's options with their defaults."
    )


if __name__ == "__main__":
    sys.exit(main())
