"""A whole filter and its page in a real browser: what is allowed there passes at the next upload, and is logged so.

Once: neither Python's version nor mitmproxy's changes what a browser makes of the page.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from addons.audit.place import LOG_NAME
from addons.audit.reader import NoLog, Reader
from config.load import Config
from model.card import plain
from model.judge import Judge
from tests.chromium import chromium
from tests.http1 import ask, upload
from tests.model.test_judge import LABELS, FakeBackend, FakeDecoder
from tests.recorder import Recorder
from tests.running import RunningFilter, config

pytestmark = pytest.mark.once

TOKEN = "a token of this test"


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as browser:
        yield browser.new_page()


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, Any]:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    return {"state_dir": str(tmp_path / "state"), "admin": {"listen": "127.0.0.1:0", "token_file": str(token)}}


async def start(given: Config) -> Judge:
    """Everything scores 0.9."""
    return Judge(given, FakeDecoder(), FakeBackend(0.9), LABELS)


def internal(gate: RunningFilter) -> tuple[str, int]:
    """Where the page is."""
    assert gate.filter.internal is not None
    return gate.filter.internal


def refused(gate: RunningFilter) -> str:
    """The ref of the upload, which is refused."""
    answer = upload(gate.address, plain())
    assert answer.status == 400
    found = re.search(r"ref ([0-9a-f]{8})", answer.json()["msg"])
    assert found
    return found[1]


def soon(gate: RunningFilter, status: int) -> None:
    """The upload fares so within seconds."""
    end = time.monotonic() + 30
    while upload(gate.address, plain()).status != status:
        assert time.monotonic() < end
        time.sleep(0.2)


def test_allow_this_makes_the_next_upload_pass(page: Page, settings: dict[str, Any], tmp_path: Path) -> None:
    with Recorder() as recorder, RunningFilter(config(recorder.address, **settings), start=start) as gate:
        url = "http://{}:{}".format(*internal(gate))
        ref = refused(gate)
        assert recorder.requests == []
        page.goto(f"{url}/login")
        page.get_by_label("Token").fill(TOKEN)
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Log out").wait_for()
        until_logged(tmp_path, ref)
        page.goto(f"{url}/verdicts/{ref}")
        page.get_by_label("Note").fill("a statue")
        page.get_by_role("button", name="Allow this").click()
        page.get_by_text("It will pass from now on.").wait_for()
        soon(gate, 201)
        decision = gate.decisions[-1]
        assert (decision.verdict.rule, decision.verdict.note) == ("allow", "a statue")

        page.goto(f"{url}/verdicts/{ref}")
        page.get_by_role("button", name="Deny this").click()
        page.get_by_text("It is on the list").wait_for()
        soon(gate, 400)
        assert gate.decisions[-1].verdict.rule == "deny", "which wins over allow"


def test_nobody_without_the_token_allows_anything(settings: dict[str, Any], tmp_path: Path) -> None:
    with Recorder() as recorder, RunningFilter(config(recorder.address, **settings), start=start) as gate:
        ref = refused(gate)
        until_logged(tmp_path, ref)
        body = f"ref={ref}".encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Host": "127.0.0.1"}
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Cookie": "session=wrong"}):
            assert ask(internal(gate), "POST", "/allow", body, kind | headers).status in (401, 403)
        assert not (tmp_path / "state" / "lists" / "allow.txt").exists()
        right = ask(internal(gate), "POST", "/allow", body, kind | {"Authorization": f"Bearer {TOKEN}"})
        assert right.status == 200
        assert (tmp_path / "state" / "lists" / "allow.txt").exists()
        metrics = ask(internal(gate), "GET", "/metrics", None, {"Host": "127.0.0.1"}).body.decode()
        assert 'pictrs_filter_scans_total{rule="explicit",source="upload",verdict="reject"} 1.0' in metrics
        assert "pictrs_filter_queue_depth 0.0" in metrics
        assert "pictrs_filter_config_last_reload_success 1.0" in metrics


def until_logged(folder: Path, ref: str) -> None:
    """The log is written in a thread of its own."""
    reader = Reader(folder / "state" / LOG_NAME)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with suppress(NoLog):  # not yet
            if reader.get(ref) is not None:
                return
        time.sleep(0.05)
    raise AssertionError(f"{ref} is not in the log")
