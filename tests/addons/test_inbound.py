"""A request as it came in: headers by name, raw and all of them, and nothing of it in a log by accident."""

from __future__ import annotations

from addons.inbound import Inbound

INBOUND = Inbound(
    b"GET", b"/", [(b"Range", b"a"), (b"range", b"b"), (b"Ranges", b"c"), (b"RANGE", b"a")], b"secret body"
)


def test_every_value_of_a_header_in_order() -> None:
    assert INBOUND.all(b"range") == [b"a", b"b", b"a"]
    assert INBOUND.all(b"accept") == []


def test_neither_headers_nor_body_show() -> None:
    assert repr(INBOUND) == "Inbound(method=b'GET', target=b'/')"
