"""The page: one file that asks for nothing, says all in words too, and lets nobody's text become markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from addons.admin.calibrate.calibration import Calibration, of_signals
from addons.admin.calibrate.page import page
from tests.addons.admin.calibrate.pictures import NOWHERE, scored
from tests.running import config

EVIL = "<script>alert(1)</script>\"'&"


class Read(HTMLParser):
    """The elements with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "line", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("line", "rect") and (not self.open or self.open[-1] != tag):
            return
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def html() -> str:
    signals = of_signals(config(NOWHERE), scored(*[0.011] * 2999, 0.9, parts=[0.3, 0.99]), 0.001)
    return page(
        Calibration("2026-11-28T09:00:00+00:00", EVIL, "ab" * 32, EVIL, 3005, {"unsupported": 5}, signals, (EVIL,))
    )


def test_what_is_not_ours_is_text(html: str) -> None:
    read = Read(html)
    assert "<script" not in html
    assert read.words.count(EVIL) == 3
    assert not {name for _, attributes in read.elements for name in attributes if name.startswith("on")}


def test_it_is_well_formed_and_asks_for_nothing(html: str) -> None:
    read = Read(html)
    assert read.open == []
    names = {name for name, _ in read.elements}
    assert not names & {"script", "link", "img", "iframe", "object", "base", "form"}
    assert not re.search(r"https?:|url\(|@import|\b(src|href)=", html)
    policy = [attributes for _, attributes in read.elements if "http-equiv" in attributes]
    assert policy == [
        {"http-equiv": "Content-Security-Policy", "content": "default-src 'none'; style-src 'unsafe-inline'"}
    ]


def test_histograms_are_drawn_and_told(html: str) -> None:
    whole, parts = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    drawn = ElementTree.fromstring(whole)
    assert "Whole pictures: histogram of scores. 50 % score at most 0.011" in str(drawn.get("aria-label"))
    assert [bar[0].text for bar in drawn.iter("rect")] == ["0.00 to 0.02: 2,999 pictures", "0.90 to 0.92: 1 picture"]
    labels = [element.text for element in drawn.iter("text")]
    assert {"explicit (reject) 0.85", "borderline (log) 0.6", "proposed 0.93", "1,000"} <= set(labels)
    assert "explicit (reject) 0.9812" in parts
    assert "borderline" not in parts  # it does not look at parts


def test_the_table_has_heads_and_all_thresholds(html: str) -> None:
    read = Read(html)
    rows = re.findall(r'<tr[^>]*><th scope="row">([0-9.]+)</th>', html)
    assert rows == ["0.5", "0.6", "0.6", "0.7", "0.8", "0.85", "0.9", "0.95", "0.98"]
    assert all("scope" in attributes for name, attributes in read.elements if name == "th")
    assert [attributes["lang"] for name, attributes in read.elements if name == "html"] == ["en"]
    assert "2 0.0667 % 0.008 % to 0.241 %" in re.sub(r"\s+", " ", re.sub(r"</td>\s*<td>", " ", html))


def test_dark_and_printed(html: str) -> None:
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html
