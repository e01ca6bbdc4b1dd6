"""One verdict of the log, as it is shown."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from addons.admin.entry import as_json, in_full, in_one_line
from addons.audit.row import Row
from config.audit import Audit
from tests.addons.audit.rows import PASS, REJECT, UNAVAILABLE, row

REFUSED = {"outcome": REJECT, "strict": REJECT, "rule": "explicit"}
LATE = {"outcome": UNAVAILABLE, "strict": UNAVAILABLE, "cause": "deadline"}


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (
            {},
            "2026-09-21 14:13:20  00000001  fetch   pass         grey              "
            "jpeg nsfw=0.250 gore=0.125 nsfw(part)=0.500 cached",
        ),
        (
            {
                "outcome": REJECT,
                "strict": REJECT,
                "rule": "explicit",
                "in_part": {},
                "cached": False,
                "source": "upload",
            },
            "2026-09-21 14:13:20  00000001  upload  reject       explicit          jpeg nsfw=0.250 gore=0.125",
        ),
        (
            {"strict": REJECT, "rule": None, "media": None, "scores": {}, "in_part": {}, "cached": False},
            "2026-09-21 14:13:20  00000001  fetch   pass (would be reject)  -                 -",
        ),
    ],
    ids=["passed", "rejected", "shadow"],
)
def test_in_one_line(given: dict[str, Any], line: str) -> None:
    assert in_one_line(row(1, **given)) == line


def test_what_a_terminal_would_obey_is_shown_in_letters() -> None:
    made = row(1, rule="a\x1b[2Jb", note="c\nd", detail="e\x07")
    assert "a\\x1b[2Jb" in in_one_line(made)
    assert "\\nd" in in_full(made)
    assert {char for char in in_one_line(made) + in_full(made) if not char.isprintable()} == {"\n"}


def test_in_full() -> None:
    refused = row(1, outcome=REJECT, strict=REJECT, rule="explicit", cached=False)
    assert (
        in_full(refused)
        == f"""\
ref         00000001
time        2026-09-21 14:13:20
source      fetch, from origin.example
outcome     reject
rule        explicit
why         a codec said no
list's note a note
file        jpeg, 31000 bytes
views       13, of 32 of 900 pictures in it
score       nsfw 0.2500
score       gore 0.1250
score       nsfw 0.5000, in a part
took        212.7 ms (decode 12.5, classify 200.1)
judged by   mode enforce, a cpu, policy {"9f" * 32}
SHA-256     {"5a" * 32}
PDQ         {"c3" * 32}, quality 97

To let this very file pass from now on, or to refuse it:
  pictrs-filter allow 00000001 --note 'why'
  pictrs-filter deny 00000001 --note 'why'"""
    )


def test_in_full_with_little_to_tell() -> None:
    bare = Row(0, 0.0, "00000002", "upload", "pass", "pass", mode="enforce", backend="a cpu", policy="9f" * 32)
    assert (
        in_full(bare)
        == f"""\
ref         00000002
time        1970-01-01 00:00:00
source      upload
outcome     pass
rule        none fired
file        unknown format, 0 bytes
views       0
took        0 ms
judged by   mode enforce, a cpu, policy {"9f" * 32}
SHA-256     not kept
PDQ         not kept, or there is none

No hash of this file was kept (see `audit.hashes`). With the file at hand:
  pictrs-filter allow FILE --note 'why'
  pictrs-filter deny FILE --note 'why'"""
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "pass"),
        ({"strict": REJECT}, "pass, in shadow mode; else it would be reject"),
        ({"strict": UNAVAILABLE, "cause": "decoder"}, "pass, without a verdict (failure.decoder)"),
        (
            {"outcome": REJECT, "strict": REJECT, "cause": "unsupported"},
            "reject, could not be judged (failure.unsupported)",
        ),
        (
            {"outcome": UNAVAILABLE, "strict": UNAVAILABLE, "cause": "deadline"},
            "unavailable, could not be judged (failure.deadline)",
        ),
        ({"outcome": PASS, "cause": None, "cached": True}, "pass"),
    ],
    ids=str,
)
def test_outcomes_in_words(given: dict[str, Any], words: str) -> None:
    assert f"\noutcome     {words}\n" in in_full(row(1, **given))


def test_from_memory() -> None:
    assert "\ntook        212.7 ms (decode 12.5, classify 200.1), from memory\n" in in_full(row(1))


def test_a_time_beyond_all_years() -> None:
    assert in_one_line(row(1, at=1e18, keep=Audit())).startswith("@1e+18  00000001")


def test_json_has_every_field() -> None:
    made = row(1)
    assert Row(**json.loads(as_json(made))) == made
