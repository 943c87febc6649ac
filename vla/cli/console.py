"""`vla console`: a web page through which people command the robot."""

from __future__ import annotations

import signal
from types import FrameType

from omegaconf import DictConfig

from vla.cli import config as configuration
from vla.cli.commands import COMMANDS
from vla.cli.options import check_range
from vla.console.access import Access
from vla.console.host import Host, with_robot
from vla.console.process import PageProcess

ENDED = 0


def run(config: DictConfig) -> int:
    """Serve the page until Ctrl-C, which brings the arm to rest and lets go of it; return 0."""
    check_range("port", config.port, 0, 65535)
    check_range("video_fps", config.video_fps, 1, 60)
    check_range("seed", config.seed, 0)
    access = Access.choose(str(config.host), config.token_file)
    previous = {number: signal.signal(number, _interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with PageProcess(access, int(config.port)) as page:
            print(f"console: {page.url}", flush=True)
            command = COMMANDS["console"]
            host = Host(
                config,
                page,
                lambda name, options: with_robot(
                    lambda arguments: configuration.load(command, arguments), config, name, options
                ),
            )
            host.serve()
    except KeyboardInterrupt:
        print("the console has ended", flush=True)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return ENDED


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
