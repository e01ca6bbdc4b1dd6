"""The page in a real browser: Debian's Chromium, on a filled log, at the size of a phone and of a desk.

Once: neither Python's version nor mitmproxy's changes what a browser makes of the page.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Route

from addons.page.app import build
from addons.page.server import Server
from addons.page.sessions import Sessions
from addons.page.sources import Reloaded
from addons.page.token import Token
from tests.addons.page.desk import SHA, TOKEN, Notebook, filled, sources, write
from tests.chromium import chromium

pytestmark = pytest.mark.once

PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
REFUSED = f"/verdicts/{500:08x}"
PATHS = ("/", "/verdicts", REFUSED, "/none")
SHOTS = os.environ.get("PAGE_SHOTS")
"""A folder for screenshots, for those who want to look."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


class Desk:
    """The page, served over a real socket; what it was asked to change."""

    def __init__(self, folder: Path) -> None:
        self.book = Notebook()
        now = time.time()
        log = write(folder / "log.db", filled(now))
        given = sources(
            log, self.book, clock=lambda: now, reloaded=lambda: Reloaded(False, now, "filter.yaml:3: wrong")
        )
        self.server = Server(build(given, Sessions(Token(TOKEN))), "127.0.0.1", 0)
        self.url = "http://127.0.0.1:{1}".format(*self.server.open())


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    running = Desk(tmp_path_factory.mktemp("desk"))
    yield running
    with ThreadPoolExecutor(1) as elsewhere:  # Playwright has a loop in this thread
        elsewhere.submit(lambda: asyncio.run(running.server.close())).result()


class Visit:
    """One visitor: every request that the browser makes, and every word of its console."""

    def __init__(self, browser: Browser, **options: Any) -> None:
        self.context: BrowserContext = browser.new_context(**options)
        self.page: Page = self.context.new_page()
        self.hosts: set[str] = set()
        self.errors: list[str] = []
        self.context.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def shoot(self, name: str) -> None:
        if SHOTS:
            self.page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


@pytest.fixture
def visit(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visit]:
    visit = Visit(browser, **getattr(request, "param", {"viewport": DESK}))
    yield visit
    visit.context.close()


def log_in(visit: Visit, desk: Desk) -> None:
    visit.page.goto(f"{desk.url}/login")
    visit.page.get_by_label("Token").fill(TOKEN)
    visit.page.keyboard.press("Enter")
    visit.page.get_by_role("button", name="Log out").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_pages_fit_and_can_be_used_by_everybody(browser: Browser, desk: Desk, size: Any, scheme: Any) -> None:
    visit = Visit(browser, viewport=size, color_scheme=scheme)
    for path in ("/login", *PATHS):
        if path == "/":  # all that comes after the login is seen by who is logged in
            log_in(visit, desk)
        visit.page.goto(desk.url + path)
        visit.shoot(f"{path.strip('/').replace('/', '-') or 'status'}-{size['width']}-{scheme}")
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
        found = Axe().run(visit.page)
        assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]] == [], path
        assert len(found["passes"]) > 10
    assert visit.hosts == {urlsplit(desk.url).netloc}
    assert [error for error in visit.errors if "404" not in error] == []
    visit.context.close()


def test_slider_moves_the_number(visit: Visit, desk: Desk) -> None:
    visit.page.goto(desk.url)
    before = len(visit.hosts)
    slider, number = visit.page.get_by_role("slider"), visit.page.locator(".number")
    assert number.inner_text() == "7"  # at 0.85
    slider.fill("0.6")
    assert (number.inner_text(), visit.page.get_by_role("spinbutton").input_value()) == ("17", "0.60")
    slider.focus()
    visit.page.keyboard.press("Home")
    assert number.inner_text() == "317"
    visit.page.keyboard.press("End")
    assert (number.inner_text(), visit.page.locator(".share").inner_text()) == ("0", "0.00")
    visit.page.get_by_role("spinbutton").fill("0.7")
    assert (number.inner_text(), slider.input_value()) == ("12", "0.7")
    line = visit.page.locator("line.chosen")
    assert (line.get_attribute("x1"), line.get_attribute("hidden")) == ("420", None)
    assert (len(visit.hosts), visit.errors) == (before, [])


@pytest.mark.parametrize("visit", [{"java_script_enabled": False, "viewport": PHONE}], indirect=True)
def test_all_of_it_works_without_javascript(visit: Visit, desk: Desk) -> None:
    visit.page.goto(desk.url)
    assert visit.page.get_by_role("slider").count() == 0
    visit.page.get_by_role("spinbutton").fill("0.6")
    visit.page.get_by_role("button", name="Show").click()
    assert visit.page.locator(".number").inner_text() == "17"
    visit.page.get_by_role("link", name="History", exact=True).click()
    visit.page.get_by_label("Outcome").select_option("would-reject")
    visit.page.get_by_role("button", name="Filter").click()
    assert visit.page.locator("tbody tr").count() == 1


def test_keyboard_reaches_and_does_everything(visit: Visit, desk: Desk) -> None:
    page = visit.page
    desk.book.entries.clear()
    page.goto(desk.url)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    log_in(visit, desk)
    page.goto(desk.url + REFUSED)
    page.get_by_label("Note").focus()
    page.keyboard.type("by keyboard")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Deny this"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.get_by_text("It is on the list").wait_for()
    assert desk.book.entries[-1] == ("deny", SHA, "by keyboard")


def test_allow_this(visit: Visit, desk: Desk) -> None:
    desk.book.entries.clear()
    visit.page.goto(desk.url + REFUSED)
    assert visit.page.get_by_role("button", name="Allow this").count() == 0
    log_in(visit, desk)
    visit.page.goto(desk.url + REFUSED)
    visit.page.get_by_label("Note").fill("a cat")
    visit.page.get_by_role("button", name="Allow this").click()
    visit.page.get_by_text("It will pass from now on.").wait_for()
    assert desk.book.entries[-1] == ("allow", SHA, "a cat")
    visit.page.get_by_role("button", name="Log out").click()
    visit.page.goto(desk.url + REFUSED)
    assert visit.page.get_by_role("button", name="Allow this").count() == 0


def test_form_of_another_site_changes_nothing(visit: Visit, desk: Desk) -> None:
    """Not even if it knows the session's word: the browser keeps the cookie back, and says where the form is from."""
    log_in(visit, desk)
    visit.page.goto(desk.url + REFUSED)
    word = visit.page.locator("main input[name=word]").get_attribute("value")
    before = len(desk.book.entries)
    form = f"""<form method=post action="{desk.url}/allow"><input name=ref value="{500:08x}"><input name=word
        value="{word}"></form><script>document.forms[0].submit()</script>"""
    visit.context.route("http://evil.example/*", lambda route: route.fulfill(body=form, content_type="text/html"))
    with visit.page.expect_response(f"{desk.url}/allow") as got:
        visit.page.goto("http://evil.example/", wait_until="commit")
    assert got.value.status in (401, 403)
    visit.page.get_by_role("heading", name="Not done").wait_for()
    visit.page.goto(desk.url)
    assert visit.page.get_by_role("button", name="Log out").count() == 1  # it was logged in all the time
    assert len(desk.book.entries) == before


def test_session_is_out_of_reach_of_scripts(visit: Visit, desk: Desk) -> None:
    log_in(visit, desk)
    assert visit.page.evaluate("document.cookie") == ""
    assert visit.context.cookies()[0].get("sameSite") == "Strict"


def test_policy_stops_what_would_be_loaded_or_run(visit: Visit, desk: Desk) -> None:
    """Were something of a stranger's to get into a page, it would neither run nor ask anybody."""
    visit.page.goto(desk.url)
    reached: list[str] = []

    def reach(route: Route) -> None:
        reached.append(route.request.url)
        route.abort()

    visit.context.route("http://evil.example/*", reach)
    visit.page.evaluate(
        """() => { const s = document.createElement('script'); s.textContent = 'window.ran = true';
        document.body.append(s); const i = new Image(); i.src = 'http://evil.example/a.png';
        document.body.append(i); }"""
    )
    visit.page.wait_for_timeout(200)
    assert visit.page.evaluate("window.ran") is None
    assert reached == []
    assert len([error for error in visit.errors if "Content Security Policy" in error]) == 2, visit.errors
