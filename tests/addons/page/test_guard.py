"""Which hosts and which forms are ours."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from addons.page.guard import is_host, is_own


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8083", "127.0.0.1", "[::1]:9000", "localhost:8083", "LOCALHOST", "192.168.1.5:80", "filter.lan"]
)
def test_host_of_ours(host: str) -> None:
    assert is_host(host, {"filter.lan"})


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example:8083",
        "localhost.evil.example",
        "filter.lan.",
        "",
        "2130706433",
        "0x7f.1",
        "filter.lan:8083@evil.example",
        "user@localhost",
        "localhost:x",
        "[::1",
        "localhost:8083\r\nX: y",
    ],
)
def test_foreign_host(host: str) -> None:
    assert not is_host(host, {"filter.lan"})


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({"origin": "http://localhost:8083", "sec-fetch-site": "same-origin"}, True),
        ({"origin": "http://localhost:8083"}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({}, False),
        ({"origin": "http://localhost:8084"}, False),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": "http://localhost:8083", "sec-fetch-site": "cross-site"}, False),
        ({"origin": "http://localhost:8083", "sec-fetch-site": "same-site"}, False),
        ({"origin": "null", "sec-fetch-site": "none"}, False),
        ({"origin": "http://["}, False),
        ({"origin": "http://[", "sec-fetch-site": "same-origin"}, False),
    ],
)
def test_form_of_ours(headers: dict[str, str], own: bool) -> None:
    assert is_own(Headers({"host": "localhost:8083", **headers})) is own
