"""The real page in a real browser, before the simulated arm with the released policy. One console for all tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.browser import PATIENCE, needs_browser
from tests.helpers.console_page import LONG, begin, end, expect, newest, order, outcome, resume
from vla.console.chromium import browser, console_process

pytestmark = [pytest.mark.slow, pytest.mark.realtime, needs_browser]

PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("console") / "recordings"


@pytest.fixture(scope="module")
def url(recordings: Path) -> Iterator[str]:
    stop_file = recordings.parent / "STOP"
    with console_process(
        "seed=42", "planner=grammar", f"stop_file={stop_file}", f"recordings={recordings}", "max_seconds=25"
    ) as url:
        yield url


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import expect

    expect.set_options(timeout=PATIENCE)
    with browser() as chromium:
        yield chromium


Open = Callable[..., Any]


@pytest.fixture
def open_page(chromium: Any, url: str) -> Iterator[Open]:
    """Opens the page as somebody new, who takes command unless told otherwise."""
    from playwright.sync_api import expect

    contexts = []

    def open_page(*, commands: bool = True, **options: Any) -> Any:
        contexts.append(chromium.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(url)
        expect(page.locator("#status-text")).to_have_text("Ready")
        if commands and page.locator("#ask-command").is_visible():
            page.locator("#ask-command").click()
        if commands:
            expect(page.locator("#text")).to_be_enabled()
        return page

    yield open_page
    for context in contexts:
        context.close()


def test_a_command_is_carried_out_and_shown(open_page: Open) -> None:
    page = open_page()
    expect(page.locator("figure[data-camera=front] canvas")).to_have_attribute("width", "384")
    expect(page.locator("figure[data-camera=wrist] canvas")).to_have_attribute("width", "384")
    outcomes = []
    for _ in range(3):  # a machine that is busy may make it fail
        order(page, "press the button")
        outcomes.append(outcome(page))
        if outcomes[-1] == "success":
            break
        page.locator("#scene-form button[type=submit]").click()
        expect(page.locator("#status-text")).to_have_text("Ready")
    assert outcomes[-1] == "success"
    expect(newest(page).locator(".steps li[data-state=reached]")).to_contain_text("press the button")
    expect(page.locator("[data-vital=Loop] dd")).to_contain_text("/s")
    expect(page.locator("[data-vital=Video] dd")).to_contain_text("/s")
    page.locator("#text").press("ArrowUp")
    expect(page.locator("#text")).to_have_value("press the button")


def test_stop_latches_until_a_separate_resume(open_page: Open) -> None:
    page = open_page()
    begin(page)
    expect(page.locator("figure[data-camera=front] rect.plan")).to_have_count(1)
    expect(newest(page).locator("[data-state=ahead]").first).to_be_visible()
    page.locator("#stop").click()
    assert outcome(page) == "stopped"
    expect(page.locator("#status-text")).to_have_text("Stopped")
    expect(page.locator("figure[data-camera=front] rect.plan")).to_have_count(0)
    page.locator("#stop").click()  # again: it stays
    order(page, "press the button")
    assert outcome(page) == "refused"
    expect(newest(page)).to_contain_text("resume first")
    resume(page)


def test_keys_stop_but_a_space_in_the_command_box_is_a_space(open_page: Open) -> None:
    page = open_page()
    page.locator("#text").press_sequentially("a b")
    expect(page.locator("#text")).to_have_value("a b")
    expect(page.locator("#status-text")).to_have_text("Ready")
    page.locator("#text").press("Escape")
    expect(page.locator("#status-text")).to_have_text("Stopped")
    resume(page)
    for place in ("body", "#randomise"):
        page.locator(place).press(" ")
        expect(page.locator("#status-text")).to_have_text("Stopped")
        expect(page.locator("#seed")).to_have_value("42")  # the button with the focus is not pressed, too
        resume(page)


def test_everything_works_by_keyboard(open_page: Open) -> None:
    page = open_page()
    page.reload()  # the focus begins at the top
    expect(page.locator("#text")).to_be_enabled()
    seen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
        if seen[-1] == "text":
            break
    assert {"theme", "stop"} <= set(seen) and seen[-1] == "text", seen
    page.keyboard.type("put the golden cube in the bowl")
    page.keyboard.press("Enter")
    expect(newest(page)).to_have_attribute("data-outcome", "refused")
    page.locator("#stop").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#status-text")).to_have_text("Stopped")
    page.locator("#resume").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#status-text")).to_have_text("Ready")


def test_a_refusal_and_an_unanswered_question_have_reasons(open_page: Open) -> None:
    page = open_page()
    order(page, "put the golden cube in the bowl")
    assert outcome(page) == "refused"
    expect(newest(page).locator("[data-state=refused]")).to_contain_text("golden")
    page.locator("#text").fill("what is on the table?")
    page.locator("#ask").click()
    expect(page.locator("#notice")).to_contain_text("planner=grammar answers no questions")
    page.locator("#robot").select_option("so101")
    page.locator("#robot-form button").click()
    expect(page.locator("#notice")).to_contain_text("lerobot-find-port")


def test_a_reload_in_the_middle_restores_everything(open_page: Open) -> None:
    page = open_page()
    begin(page)
    before = page.locator("#timeline > li strong").all_inner_texts()
    person = page.locator("#people").inner_text()
    page.reload()
    expect(newest(page).locator("strong")).to_have_text(LONG)
    assert page.locator("#timeline > li strong").all_inner_texts() == before
    expect(newest(page).locator(".steps li[data-state=running]")).to_have_count(1)
    expect(page.locator("#status-text")).to_have_text("Running")
    expect(page.locator("#people")).to_have_text(person)
    expect(page.locator("#text")).to_be_enabled()
    end(page)


def test_two_people_see_the_same_and_one_commands(open_page: Open) -> None:
    first, second = open_page(), open_page(commands=False)
    expect(second.locator("#text")).to_be_disabled()
    begin(first)
    expect(newest(second).locator("[data-state=running]")).to_have_count(1)
    texts = [page.locator("#timeline > li strong").all_inner_texts() for page in (first, second)]
    assert texts[0] == texts[1]
    second.locator("#stop").click()  # which everybody may
    assert outcome(first) == outcome(second) == "stopped"
    expect(second.locator("#resume")).to_have_count(0)
    resume(first)
    second.locator("#ask-command").click()
    first.locator("button", has_text="Hand over").click()
    expect(first.locator("#text")).to_be_disabled()
    order(second, "put the golden cube in the bowl")
    assert outcome(first) == "refused"
    second.context.close()
    first.locator("#ask-command").click()  # whoever is gone need not agree
    expect(first.locator("#text")).to_be_enabled()


def test_another_scene_is_drawn_and_shown_in_space(open_page: Open) -> None:
    page = open_page()
    page.locator("#seed").fill("7")
    page.locator("#seed").press("Enter")
    expect(page.locator("#timeline > li").first).to_contain_text("Scene of seed 7")
    expect(page.locator("#parts")).to_contain_text("simulation")
    page.locator("#space summary").click()
    expect(page.locator("#scene")).to_have_attribute("data-drawn", "")
    page.locator("#randomise").click()
    expect(page.locator("#seed")).not_to_have_value("7")
    page.locator("#seed").fill("42")
    page.locator("#seed").press("Enter")
    expect(page.locator("#timeline > li").first).to_contain_text("Scene of seed 42")


def test_what_is_carried_out_can_be_recorded(open_page: Open, recordings: Path) -> None:
    page = open_page()
    page.locator("#record").click()
    expect(page.locator("#record")).to_have_attribute("aria-pressed", "true")
    begin(page)
    end(page)
    page.locator("#record").click()
    expect(page.locator("#timeline > li").first).to_contain_text("recorded 1 episodes", timeout=3 * PATIENCE)
    (dataset,) = recordings.iterdir()
    assert (dataset / "meta" / "info.json").is_file()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_is_wrong_for_people_who_see_or_move_otherwise(open_page: Open, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(color_scheme=scheme, bypass_csp=True)
    order(page, "put the golden cube in the bowl")
    assert outcome(page) == "refused"
    for stopped in (False, True):
        if stopped:
            page.locator("#stop").click()
            expect(page.locator("#resume")).to_be_visible()
        for size in ({"width": 1280, "height": 900}, PHONE):
            page.set_viewport_size(size)
            found = Axe().run(page).response["violations"]
            bad = [(entry["id"], [node["html"] for node in entry["nodes"]]) for entry in found]
            assert not [entry for entry in found if entry["impact"] in ("serious", "critical")], bad
    resume(page)


def test_a_phone_has_it_all_on_one_column(open_page: Open) -> None:
    page = open_page(viewport=PHONE, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    for _ in range(2):
        box = page.locator("#stop").bounding_box()
        assert box["height"] >= 44 and box["y"] + box["height"] <= PHONE["height"]
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.locator("#stop").tap()
    expect(page.locator("#status-text")).to_have_text("Stopped")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    resume(page)


def test_the_page_asks_nobody_else(open_page: Open, chromium: Any, url: str) -> None:
    context = chromium.new_context()
    page, asked, errors = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url.replace("ws://", "http://")))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(url)
    expect(page.locator("figure[data-camera=front]")).to_be_visible()
    page.locator("#theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    assert len(asked) > 5 and not [one for one in asked if not one.startswith(url)]
    assert not errors
    context.close()


def test_the_robot_can_be_changed(open_page: Open) -> None:
    page = open_page()
    for _ in range(3):  # a machine that is busy may not let the driver find the servos in time
        page.locator("#robot").select_option("so101_bus_twin")
        page.locator("#robot-form button").click()
        expect(page.locator("#status-text")).to_have_text("Loading")
        expect(page.locator("#status-text")).not_to_have_text("Loading")
        if page.locator("#status-text").inner_text() == "Ready":
            break
    assert page.locator("#status-text").inner_text() == "Ready", page.locator("#banners").inner_text()
    expect(page.locator("#parts")).to_contain_text("bus twin")
    expect(page.locator("#status-text")).to_have_text("Ready")
    expect(page.locator("figure[data-camera=front] canvas")).to_have_attribute("width", "384")
    page.locator("#space summary").click()
    expect(page.locator("#scene")).to_have_attribute("data-drawn", "")
    order(page, "put the golden cube in the bowl")
    assert outcome(page) == "refused"
