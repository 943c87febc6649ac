"""What people do on the console's page."""

from __future__ import annotations

from typing import Any

LONG = "put all the cubes in the bowl"
"""Takes a while."""


def expect(thing: Any) -> Any:
    """Return assertions about a part of the page, which wait for it."""
    from playwright.sync_api import expect

    return expect(thing)


def newest(page: Any) -> Any:
    """Return the newest instruction in the timeline."""
    return page.locator("#timeline > li[data-outcome]").first


def order(page: Any, text: str) -> None:
    """Type an instruction, and wait until it is in the timeline."""
    count = page.locator("#timeline > li[data-outcome]").count()
    page.locator("#text").fill(text)
    page.locator("#text").press("Enter")
    expect(page.locator("#timeline > li[data-outcome]")).to_have_count(count + 1)
    expect(newest(page).locator("strong")).to_have_text(text)


def outcome(page: Any) -> str:
    """Wait until the newest instruction has ended."""
    expect(newest(page)).not_to_have_attribute("data-outcome", "")
    return newest(page).get_attribute("data-outcome")


def begin(page: Any) -> None:
    """Have something long carried out, and wait until the arm is on its way."""
    order(page, LONG)
    expect(newest(page).locator("[data-state=running]")).to_have_count(1)


def resume(page: Any) -> None:
    """Lift the stop."""
    page.locator("#resume").click()
    expect(page.locator("#status-text")).to_have_text("Ready")
    expect(page.locator("#resume")).to_have_count(0)


def end(page: Any) -> None:
    """Stop what runs, and be ready for the next test."""
    page.locator("#stop").click()
    assert outcome(page) == "stopped"
    resume(page)
