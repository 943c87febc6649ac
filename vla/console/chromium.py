"""Opens the page in a headless Chromium, for tests and benchmarks."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vla.errors import ConfigError

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
INSTALL = "apt-get install chromium"
END_SECONDS = 60.0
"""Longest time that a console may take to let go of its robot [s]."""


def find_chromium() -> str | None:
    """Return the browser's program; None if it is not installed."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def browser() -> Iterator[Browser]:
    """Give a headless Chromium.

    Raises:
        ConfigError: it, or what controls it, is not installed.
    """
    program = find_chromium()
    if program is None:
        raise ConfigError(f"there is no Chromium; install it: {INSTALL}")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise ConfigError("the package playwright is missing; make setup installs it") from error
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        try:
            yield opened
        finally:
            opened.close()


@contextmanager
def console_process(*options: str) -> Iterator[str]:
    """Run `vla console` on a free port in a process of its own; give its address.

    Raises:
        ConfigError: it does not start, or does not end as it should.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "vla.cli.main", "console", "port=0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    try:
        address = re.search(r"http://\S+", said)
        if address is None:
            raise ConfigError(f"the console does not start: {said}{process.stdout.read()}")
        yield address[0]
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            rest, _ = process.communicate(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            rest, _ = process.communicate()
    if process.returncode != 0 or "Traceback" in rest:
        raise ConfigError(f"the console ended with {process.returncode}: {rest}")
