"""Each request line goes where lines.py says, on a real nginx with the shipped configuration, byte for byte.

The last test holds the list against the filter's own table: what goes straight is what the filter would pass on as it
is, as a view of a stored picture, and no other line of the lists is that.
"""

from __future__ import annotations

import json

import pytest

from addons.pictrs import answers, routes
from tests.docker.conftest import Site
from tests.docker.lines import FILTERED, REFUSED, STORED

STORED_ROUTES = {"/image/original/{name}", "/image/process.{format}", "/image/details/original/{name}"}


def passed_on(method: str, target: str) -> bool:
    """Whether the filter would pass this on as it is, as a view of a stored picture."""
    try:
        found = routes.match(method.encode(), target.encode("latin-1"))
    except routes.RouteError:
        return False
    return found.route.path in STORED_ROUTES and found.proxy is None and found.target() == target


def split(line: str) -> tuple[str, str]:
    """Method and target."""
    method, target, *_ = line.split(" ")
    return method, target


@pytest.mark.parametrize("line", STORED)
def test_views_of_stored_pictures_go_straight(site: Site, line: str) -> None:
    heard = site.ask(line)
    assert heard.startswith(b"HTTP/1.1 200 ")
    assert site.filtered == []
    (raw,) = filter(None, site.storage.raw)
    assert raw.startswith(line.removesuffix("HTTP/1.0").removesuffix("HTTP/1.1").encode() + b"HTTP/1.1\r\n")
    assert raw.endswith(b"\r\n\r\n")
    assert raw.count(b"\r\n\r\n") == 1


@pytest.mark.parametrize("line", FILTERED)
def test_everything_else_goes_to_the_filter(site: Site, line: str) -> None:
    site.ask(line)
    assert not any(site.storage.raw)
    assert len(site.one.requests) + len(site.two.requests) == 1
    (sent,) = site.one.requests + site.two.requests
    method, target = " ".join(line.split()).split(" ")[:2]
    if "://" in target.partition("?")[0]:  # absolute form
        target = "/" + target.split("/", 3)[3]
    assert (sent.method, sent.target) == (method, target)


@pytest.mark.parametrize("line", REFUSED, ids=lambda line: line[:60])
def test_what_is_not_http_goes_nowhere(site: Site, line: str) -> None:
    heard = site.ask(line)
    assert (any(site.storage.raw), site.filtered) == (False, [])
    head, _, body = heard.partition(b"\r\n\r\n")
    assert int(head.split()[1]) == REFUSED[line]
    assert b"application/json" in head
    assert json.loads(body) == json.loads(answers.protocol_error(400).body)


def test_the_lists_agree_with_the_table_of_routes() -> None:
    assert [line for line in STORED if not passed_on(*split(line))] == []
    # What the filter would pass on as well, and is not worth a pattern: nginx says 1.1 for it, or it is odd.
    odd = {
        "GET /image/original/a.png",
        "GET http://any/image/original/a.png HTTP/1.1",
        "GET /image/original/a.png  HTTP/1.1",
        "GET /image/original/a.png HTTP/1.1 ",
        "GET /image/original/a.png HTTP/1.9",
    }
    assert {line for line in FILTERED if passed_on(*split(line))} <= odd
