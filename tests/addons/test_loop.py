"""Whose request it is that comes back."""

from __future__ import annotations

import pytest

from addons.inbound import Inbound
from addons.loop import LOOP_HEADER, LoopGuard


def asked(*values: bytes, name: bytes = LOOP_HEADER) -> Inbound:
    return Inbound(b"GET", b"/", [(b"Host", b"x"), *((name, value) for value in values)], b"")


@pytest.mark.parametrize(
    ("inbound", "own", "fetch"),
    [
        (asked(), False, False),
        (asked(b"abc"), True, False),
        (asked(b"abc-fetch"), False, True),
        (asked(b"other", b"abc"), True, False),
        (asked(b"other", b"other-fetch"), False, False),
        (asked(b"abc", name=b"X-Pictrs-Filter"), True, False),
        (asked(b"ABC"), False, False),
        (asked(b"abc, abc-fetch"), False, False),
        (asked(b"abc", name=b"x-other"), False, False),
    ],
)
def test_own_requests_are_known_by_their_marks(inbound: Inbound, own: bool, fetch: bool) -> None:
    guard = LoopGuard("abc")
    assert (guard.mark, guard.fetch_mark) == (b"abc", b"abc-fetch")
    assert (guard.is_own(inbound), guard.is_own_fetch(inbound)) == (own, fetch)
