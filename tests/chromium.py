"""A real browser for tests: the system's Chromium, driven by Playwright, whose own browsers are never downloaded."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.pictrs import required


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run it without a window. Skips the test where there is none, or fails it where the real parts are required."""
    program = shutil.which("chromium")
    if program is None:
        if required():
            pytest.fail("PICTRS_FILTER_REAL_REQUIRED=1, but there is no chromium", pytrace=False)
        pytest.skip("no chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()
