"""docker/compose.yaml brought up for real, and its page used in a real browser: Debian's Chromium.

Once: what is shown is the engine's, the image's and the browser's.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_core_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page

from model.card import card, plain
from tests.chromium import chromium
from tests.docker.composed import DOCKER
from tests.docker.conftest import need_containers
from tests.docker.deployed import Deployed
from tests.docker.engine import docker
from tests.http1 import ask, form

pytestmark = pytest.mark.once

PAGE = ("127.0.0.1", 8088)
SHOTS = os.environ.get("PAGE_SHOTS")
"""A folder for screenshots, for those who want to look."""


@pytest.fixture(scope="module")
def trial() -> Iterator[Deployed]:
    need_containers()
    # The file names the line of pict-rs, as Lemmy's newer ones do; here one of it is at hand.
    docker("tag", "asonix/pictrs:0.5.25", "asonix/pictrs:0.5")
    with Deployed(DOCKER, "-f", "compose.yaml") as site:
        site.up()
        site.wait()
        site.settle(lambda: site.ask("pictrs-filter", "http://pictrs-upstream:8080/healthz").status == 200)
        yield site


@pytest.fixture(scope="module")
def page(trial: Deployed) -> Iterator[Page]:
    with chromium() as browser:
        yield browser.new_page(viewport={"width": 360, "height": 740})


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"trial-{name}.png", full_page=True)


def test_answers_are_shown(page: Page) -> None:
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.goto("http://127.0.0.1:8088/")
    assert Axe().run(page)["violations"] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_label("A picture or video of yours").set_input_files(
        {"name": "a picture.png", "mimeType": "image/png", "buffer": plain()}
    )
    page.get_by_role("button", name="Upload it").click()
    page.get_by_text("Passed, and stored").wait_for()
    stored = page.get_by_alt_text("What pict-rs stored")
    stored.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('#answer img').naturalWidth > 0")
    with Image.open(io.BytesIO(plain())) as drawn:
        assert stored.evaluate("each => each.naturalWidth") == drawn.width
    assert Axe().run(page)["violations"] == []
    shoot(page, "passed")
    page.get_by_role("button", name="Upload the card").click()
    page.get_by_text("Refused, not stored").wait_for()
    assert "Image rejected by this server's content filter" in page.get_by_role("status").inner_text()
    shoot(page, "refused")
    assert hosts == {"127.0.0.1:8088"}


def test_nothing_else_goes_through(trial: Deployed) -> None:
    headers, body = form(card())
    assert ask(PAGE, "POST", "/image", body, headers).status == 400
    assert ask(PAGE, "POST", "/image", body, headers | {"Host": "evil.example"}).status == 421
    assert ask(PAGE, "GET", "/image").status == 403
    for target in ("/image/download?url=http://127.0.0.1/", "/internal/hashes", "/healthz", "/../nginx.conf"):
        assert ask(PAGE, "GET", target).status in (400, 404), target
    assert ask(PAGE, "DELETE", "/image/original/x").status == 403


def test_pictrs_has_no_way_out_and_the_page_none_to_it(trial: Deployed) -> None:
    assert list(trial.addresses("pictrs")) == ["pictrs-only"]
    (address,) = trial.addresses("pictrs").values()
    assert trial.connects("page", "pictrs-filter", 8080)
    assert not trial.connects("page", address, 8080)
    assert not trial.connects("pictrs", trial.addresses("page")["default"], 8080)
