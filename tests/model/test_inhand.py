"""What is known of a file, and that a verdict says all of it."""

from __future__ import annotations

import time

import pytest

from model.formats.sniff import sniff
from model.inhand import UNKNOWN_MIME, InHand
from model.verdict import Outcome

SHA256 = "0a" * 32


def test_a_verdict_says_what_is_known() -> None:
    file = InHand(SHA256, 9, sniff(b"\xff\xd8\xff\xe0"), sampled="2 of 9", pdq="0b" * 32, pdq_quality=77)
    file.ms["hash"] = 1.5
    found = file.verdict(Outcome.PASS, Outcome.REJECT, "explicit", None, "why")
    assert (found.outcome, found.strict, found.rule, found.cause) == (Outcome.PASS, Outcome.REJECT, "explicit", None)
    assert (found.sha256, found.size, found.media, found.mime) == (SHA256, 9, "jpeg", "image/jpeg")
    assert (found.sampled, found.detail, found.stage_ms) == ("2 of 9", "why", {"hash": 1.5})
    assert (found.pdq, found.pdq_quality) == ("0b" * 32, 77)


def test_what_is_no_format_that_is_known() -> None:
    found = InHand(SHA256, 9, None).verdict(Outcome.REJECT, Outcome.REJECT, "unsupported", "unsupported")
    assert (found.media, found.mime, found.cause, found.pdq) == (None, UNKNOWN_MIME, "unsupported", None)


def test_stages_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 10.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    file = InHand(SHA256, 9, None, last=now)
    now = 10.25
    file.lap("hash")
    now = 11.0
    file.lap("decode")
    assert file.ms == {"hash": 250.0, "decode": 750.0}
