"""What the console costs the control loop, and how soon its stop button reaches the robot.

A headless browser on the same machine has the page open all the while. The console is a process of its own, started as
a user would, and is judged by the events that it writes, and by what the page shows.
"""

from __future__ import annotations

import itertools
import json
import random
import re
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig
from rich.progress import Progress

from vla.bench.report import Report, row
from vla.cli.options import check_range
from vla.console.chromium import browser, console_process
from vla.data.json_file import whole_lines
from vla.errors import VlaError

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCENE = 42
"""Seed of a scene in which the instructions can be carried out."""
INSTRUCTIONS = ("put the red cube in the bowl", "press the button", "push the yellow cube to the left")
LONG = "put all the cubes in the bowl"
"""Lasts longer than it takes to stop it."""
TARGET_FPS, TARGET_STOP = 10.0, 0.1
"""[Hz], [s]"""
PATIENCE = 180_000
"""[ms]"""
CLICKED = """addEventListener("click", event => { window.clicked = (performance.timeOrigin + event.timeStamp) / 1000; },
  {capture: true})"""


def run(config: DictConfig) -> Report:
    """Carry instructions out for ``minutes=``, then stop ``trials=`` of them; see ``configs/bench.yaml``."""
    check_range("minutes", config.minutes, 0.01)
    check_range("trials", config.trials, 1)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "events.jsonl"
        options = [f"robot={config.robot.name}", f"seed={SCENE}", f"events={log}", f"stop_file={folder}/STOP"]
        options += [
            f"planner={config.planner.name}",
            f"policy={config.checkpoint}",
            f"runtime={config.runtime}",
            f"device={config.device}",
        ]
        with console_process(*options) as url, browser() as chromium:
            page = chromium.new_page()
            page.set_default_timeout(PATIENCE)
            page.goto(url)
            page.locator("#text:enabled").wait_for()
            page.locator("canvas[data-frames]").first.wait_for()
            page.evaluate(CLICKED)
            with Progress() as progress:
                fps = _command(page, 60.0 * config.minutes, progress)
                stops = _stop(page, log, config.trials, random.Random(config.seed), progress)
        events = _read(log)
    return _report(config, events, fps, stops)


def _command(page: Page, seconds: float, progress: Progress) -> float:
    """Carry instructions out for a while; return the frames a second that the page has drawn of the first camera."""
    task = progress.add_task("commanding", total=seconds)
    begun, first = time.monotonic(), _frames(page)
    for instruction in itertools.cycle(INSTRUCTIONS):
        _order(page, instruction)
        _wait_ready(page)
        elapsed = time.monotonic() - begun
        progress.update(task, completed=elapsed)
        if elapsed >= seconds:
            return (_frames(page) - first) / elapsed
    raise AssertionError


def _stop(page: Page, log: Path, trials: int, chance: random.Random, progress: Progress) -> list[float]:
    """Return the time from each click on Stop to the tick that commands the robot to come to rest [s]."""
    latencies: list[float] = []
    for _ in progress.track(range(trials), description="stopping"):
        _reset(page)
        _order(page, LONG)
        page.locator("#timeline > li[data-outcome=''] [data-state=running]").wait_for()
        page.wait_for_timeout(chance.uniform(0.0, 500.0))
        stopped = len(_of(_read(log), "stopped"))
        page.locator("#stop").click()
        page.locator("#resume").wait_for()
        clicked = float(page.evaluate("window.clicked"))
        end = time.monotonic() + 10.0
        while len(events := _of(_read(log), "stopped")) <= stopped:
            if time.monotonic() > end:
                raise VlaError("the arm was not stopped within 10 s of the click")
            time.sleep(0.01)
        latencies.append(events[-1]["time"] - clicked)
        page.locator("#timeline > li[data-outcome='']").wait_for(state="detached")
        page.locator("#resume").click()
        page.locator("#resume").wait_for(state="detached")
    return latencies


def _reset(page: Page) -> None:
    told = page.locator("#timeline > li[data-event=reset]")
    count = told.count()
    page.locator("#scene-form button[type=submit]").click()
    told.nth(count).or_(page.locator("#status-text", has_text="No robot")).first.wait_for()
    _wait_ready(page)


def _wait_ready(page: Page) -> None:
    page.locator("#status-text", has_text=re.compile("Ready|Stopped|No robot")).wait_for()
    if (state := page.locator("#status-text").inner_text()) != "Ready":
        raise VlaError(f"{state}: {page.locator('#banners').inner_text()}")


def _order(page: Page, instruction: str) -> None:
    page.locator("#text:enabled").fill(instruction)
    page.locator("#text").press("Enter")
    page.locator("#timeline > li[data-outcome='']", has_text=instruction).wait_for()


def _frames(page: Page) -> int:
    return int(page.locator("canvas[data-frames]").first.get_attribute("data-frames") or 0)


def _read(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in whole_lines(log)]


def _of(events: Iterable[Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    return [event for event in events if event["event"] == name]


def missed(events: Iterable[Mapping[str, Any]]) -> int:
    """Return how many ticks came too late by a period or more, between instructions, too; counts begin with each."""
    total = idle = 0
    for event in events:
        if event["event"] == "finished":
            total += event["missed"]
        elif event["event"] == "ticks" and event["command"] is None:
            idle = event["missed"]
        elif event["event"] in ("accepted", "reset"):
            total, idle = total + idle, 0
    return total + idle


def _report(config: DictConfig, events: list[dict[str, Any]], fps: float, stops: list[float]) -> Report:
    finished = _of(events, "finished")
    settings = {
        "robot": str(config.robot.name),
        "minutes": config.minutes,
        "trials": len(stops),
        "ticks": sum(event["ticks"] for event in finished),
        "late_by_more_than_a_period": missed(events),
        "frames_per_second": round(fps, 2),
        "max_ms": round(1e3 * max(stops), 1),
        "instructions": len(finished),
        "outcomes": {name: sum(event["outcome"] == name for event in finished) for name in ("success", "stopped")},
    }
    notes = [
        f"ticks late by more than a period: {settings['late_by_more_than_a_period']} of {settings['ticks']} (target 0)",
        f"video in the page: {fps:.1f} frames/s (target {TARGET_FPS:g})",
        f"Stop, click to the tick that commands rest: {1e3 * max(stops):.1f} ms at most "
        f"(target for p99 {1e3 * TARGET_STOP:g} ms)",
    ]
    return Report("console", "", {"Stop, click to command": row(stops)}, {}, settings, notes)
