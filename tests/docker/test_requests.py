"""What the shipped nginx does beside reading the line: headers, bodies, several filters, and errors of its own."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator

import pytest

from addons import gatekeeper
from addons.loop import LOOP_HEADER
from addons.pictrs import answers
from config.media import Limits
from tests.conftest import need_nginx
from tests.docker.conftest import Site
from tests.http1 import ask, form
from tests.nginx import FILTERS, LEMMY, PICTRS, SHIPPED, Nginx
from tests.ports import closed_address
from tests.property import strict
from tests.real.lemmy_heads import HEADS, SECRETS, Does, Head
from tests.recorder import Recorder, pictrs_answer
from tests.running import listen, raw_upload, repository, say, until

VIEW = "GET /image/original/a.png HTTP/1.1"
STRAIGHT = (Does.VIEW, Does.SMALL)
PLACE = {"alias": "e15c2f1a-0b7d.jpeg", "token": "t0ken", "boundary": "b", "length": 0}
PLACE |= dict.fromkeys(("escaped", "every"), "http%3A%2F%2Fh%2Fq%2Ejpg") | {"verbatim": "http://h/q.jpg?w=1&s=a%2Fb"}
BODIES = {
    "a length": ("Content-Length: 3", b"abc"),
    "chunks": ("Transfer-Encoding: chunked", b"3\r\nabc\r\n0\r\n\r\n"),
    "no chunks": ("Transfer-Encoding: chunked", b"0\r\n\r\n"),
}
FRAMINGS = (
    "Transfer-Encoding: identity",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding: chunked\r\nContent-Length: 3",
    "Content-Length: 3\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: \r\nTransfer-Encoding: chunked",
    "Transfer-Encoding : chunked",
    "Content-Length: 3\r\nContent-Length: 3",
    "Content-Length: \r\nContent-Length: 3",
    "Content-Length: +3",
    "Content-Length: 3, 3",
    "Content-Length: -1",
    "Host: other",
)


def test_nginx_finds_no_fault_in_the_shipped_file(site: Site) -> None:
    said = site.nginx.check()
    assert "test is successful" in said
    assert "warn" not in said


def test_the_readme_has_the_ports_of_the_file() -> None:
    text = (repository() / "README.md").read_text()
    for port in (*FILTERS[1], LEMMY, PICTRS):
        assert f"127.0.0.1:{port}" in text
        assert f"127.0.0.1:{port};" in SHIPPED.read_text()


@pytest.mark.parametrize("head", HEADS, ids=str)
def test_of_all_that_lemmy_asks_views_of_stored_pictures_go_straight(site: Site, head: Head) -> None:
    site.reset()
    raw = head.fill(**PLACE)
    say(site.nginx.address, raw + (b"0\r\n\r\n" if b"transfer-encoding: chunked" in raw else b""))
    assert any(site.storage.raw) == (head.does in STRAIGHT)
    assert bool(site.filtered) == (head.does not in STRAIGHT)


@pytest.mark.parametrize("head", [head for head in HEADS if head.does in STRAIGHT], ids=str)
def test_pict_rs_is_told_what_the_filter_would_tell_it(site: Site, head: Head) -> None:
    site.reset()
    say(site.nginx.address, head.fill(**PLACE))
    (raw,) = filter(None, site.storage.raw)
    (message,) = strict.requests(raw)
    allowed = {name.decode() for name in gatekeeper.PASSED_HEADERS} | {"host"}
    assert {name for name, _ in message.headers} <= allowed
    assert message.body == b""
    assert [each for each in SECRETS if each.encode() in raw] == []
    for name in allowed - {"host"}:
        given = [line.partition(": ")[2] for line in head.lines.splitlines() if line.lower().startswith(f"{name}: ")]
        assert message.all(name) == given[:1]


@pytest.mark.parametrize("body", BODIES)
def test_a_view_with_a_body_goes_to_the_filter(site: Site, body: str) -> None:
    header, data = BODIES[body]
    site.ask(VIEW, header, body=data)
    assert not any(site.storage.raw)
    assert len(site.one.requests) == 1


@pytest.mark.parametrize("framing", FRAMINGS)
def test_what_can_be_framed_in_two_ways_goes_nowhere(site: Site, framing: str) -> None:
    hidden = b"abc\r\n\r\nPOST /image HTTP/1.1\r\nHost: x\r\n\r\n"
    heard = site.ask(VIEW, framing, body=hidden)
    assert int(heard.split()[1]) in (400, 501)
    assert (any(site.storage.raw), site.filtered) == (False, [])


def test_the_filters_own_request_goes_to_the_filter_which_knows_it(site: Site) -> None:
    site.ask(VIEW, f"{LOOP_HEADER.decode()}: {'0' * 32}")
    assert not any(site.storage.raw)
    (sent,) = site.one.requests
    assert sent.header("x-pictrs-filter") == ["0" * 32]


@pytest.mark.parametrize("value", ["\x01bytes=0-9", "bytes=\x7f", "\xe4", "a\x80"])
def test_a_header_that_the_filter_would_drop_is_the_filters_to_drop(site: Site, value: str) -> None:
    for name in sorted(gatekeeper.PASSED_HEADERS):
        site.ask(VIEW, f"{name.decode()}: {value}")
        assert not any(site.storage.raw)
        assert len(site.one.requests) == 1
    site.ask(VIEW, f"Cookie: {value}")
    assert len(site.storage.requests) == 1


def test_an_upgrade_is_not_passed_on(site: Site) -> None:
    site.ask(VIEW, "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA")
    (message,) = strict.requests(next(filter(None, site.storage.raw)))
    assert {name for name, _ in message.headers} == {"host"}


def test_requests_in_a_row_on_one_connection_each_go_their_way(site: Site) -> None:
    site.reset()
    rows = (
        VIEW,
        "GET /image/original?proxy=http://h/a HTTP/1.1",
        "HEAD /image/process.png?src=b HTTP/1.1",
        "GET /x HTTP/1.1",
    )
    with socket.create_connection(site.nginx.address, timeout=10) as connection:
        connection.sendall("".join(f"{line}\r\nHost: x\r\n\r\n" for line in rows).encode())
        until(lambda: len(site.storage.requests) + len(site.one.requests) == len(rows))
        listen(connection)
    assert [request.target for request in site.storage.requests] == [
        "/image/original/a.png",
        "/image/process.png?src=b",
    ]
    assert [request.target for request in site.one.requests] == ["/image/original?proxy=http://h/a", "/x"]


# Several filters


def test_uploads_are_spread_and_nothing_else_is(site: Site) -> None:
    headers, body = form(b"picture")
    site.reset()
    for _ in range(4):
        assert ask(site.nginx.address, "POST", "/image?resize=5", body, headers).status == 201
        assert ask(site.nginx.address, "GET", "/image/download?url=http://h/a&resize=5").status == 200
    shares = [len(each.requests) for each in (site.one, site.two)]
    assert shares == [4, 4]
    site.reset()
    for target in (
        "/image/original?proxy=http://h/a",
        "/image/blurhash?proxy=http://h/a",
        "/healthz",
        "/image/d%6Fwnload?url=x",
    ):
        for _ in range(2):
            ask(site.nginx.address, "GET", target)
        ask(site.nginx.address, "POST", "/internal/purge?proxy=http://h/a")
    assert site.two.raw == []
    assert len(site.one.requests) == 12


def test_pict_rs_finds_every_filter_for_a_verdict_and_the_first_for_media(site: Site) -> None:
    site.reset()
    for _ in range(2):
        assert ask(site.nginx.hook, "POST", "/validate", b"picture").status == 201
        assert ask(site.nginx.hook, "GET", "/v/AAAA", headers={"If-None-Match": '"x"'}).status == 200
    one, two = ([request.target for request in call.requests] for call in site.calls)
    assert (sorted(one), two) == (["/v/AAAA", "/v/AAAA", "/validate"], ["/validate"])
    assert (any(site.storage.raw), site.filtered) == (False, [])


def test_a_verdict_is_asked_for_as_pict_rs_asks(site: Site) -> None:
    site.reset()
    lines = (
        "POST /validate HTTP/1.1",
        "Host: x",
        "Content-Type: image/png",
        "Content-Type: multipart/form-data; boundary=b",
    )
    head = "\r\n".join([*lines, "Transfer-Encoding: chunked", "", ""])
    say(site.nginx.hook, head.encode() + b"3\r\nabc\r\n0\r\n\r\n")
    (sent,) = site.calls[0].requests + site.calls[1].requests
    assert sent.header("content-type") == ["image/png", "multipart/form-data; boundary=b"]  # 0.6 sends two
    assert sent.body == b"abc"


def test_an_upload_waits_until_it_is_whole(site: Site) -> None:
    site.reset()
    whole = raw_upload(b"picture" * 1000)
    with socket.create_connection(site.nginx.address, timeout=10) as connection:
        connection.sendall(whole[:-1])
        assert ask(site.nginx.address, "GET", "/healthz").status == 200  # one loop: the first one has been read by now
        assert [request.target for request in site.one.requests + site.two.requests] == ["/healthz"]
        assert not [raw for raw in site.filtered if b"POST" in raw]
        connection.sendall(whole[-1:])
        assert listen(connection).startswith(b"HTTP/1.1 201 ")
    (sent,) = [request for request in site.one.requests + site.two.requests if request.method == "POST"]
    assert whole.endswith(b"\r\n\r\n" + sent.body)


# nginx's own errors, as Lemmy can read them


def test_too_large_a_body_is_a_400_that_lemmy_reads(site: Site) -> None:
    limit = Limits().max_request_mib << 20
    heard = site.ask("POST /image HTTP/1.1", f"Content-Length: {limit + 1}")
    assert site.filtered == []
    head, _, body = heard.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    expected = answers.bad_request("the body is larger than is allowed here")
    assert (head.split()[1], json.loads(body)) == (b"400", json.loads(expected.body))


def test_the_largest_body_that_the_filter_takes_passes(site: Site) -> None:
    site.reset()
    body = bytes(Limits().max_request_mib << 20)
    assert ask(site.nginx.address, "POST", "/image", body).status == 201
    (sent,) = site.one.requests + site.two.requests
    assert len(sent.body) == len(body)


@pytest.fixture(scope="module")
def alone() -> Iterator[Nginx]:
    """Nobody behind it."""
    need_nginx()
    with contextlib.ExitStack() as held:
        addresses = [held.enter_context(closed_address()) for _ in range(5)]
        yield held.enter_context(Nginx(addresses[0], addresses[1:3], addresses[3:]))


def test_without_pict_rs_a_view_is_told_so(alone: Nginx) -> None:
    answer = ask(alone.address, "GET", "/image/original/a.png")
    assert (answer.status, answer.json()) == (answers.UPSTREAM.status, json.loads(answers.UPSTREAM.body))
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("target", ["/image", "/image/original?proxy=http://h/a"])
def test_without_the_filter_nothing_passes(alone: Nginx, target: str) -> None:
    answer = ask(alone.address, "POST" if target == "/image" else "GET", target)
    expected = answers.protocol_error(503)
    assert (answer.status, answer.json()) == (expected.status, json.loads(expected.body))
    assert answer.headers["Retry-After"] == str(answers.RETRY_SECONDS)
    assert answer.headers["Content-Type"] == "application/json"


def test_without_the_filter_stored_pictures_are_seen_and_one_filter_stands_in_for_another() -> None:
    need_nginx()
    with Recorder() as storage, Recorder() as two, closed_address() as one:
        with Nginx(storage.address, [one, two.address]) as nginx:
            assert ask(nginx.address, "GET", "/image/original/a.png").status == 200
            headers, body = form(b"picture")
            assert [ask(nginx.address, "POST", "/image", body, headers).status for _ in range(4)] == [201] * 4
            assert ask(nginx.address, "GET", "/image/original?proxy=http://h/a").status == 503
        assert len(two.requests) == 4


def test_the_filters_own_errors_go_back_as_they_are(site: Site) -> None:
    site.one.answer = site.two.answer = lambda _: (
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\nX-Accel-Redirect: /image/original/a.png\r\n\r\nbusy"
    )
    try:
        heard = site.ask("POST /image HTTP/1.1")
    finally:
        site.one.answer = site.two.answer = pictrs_answer
    assert heard.startswith(b"HTTP/1.1 503 ")
    assert heard.endswith(b"\r\n\r\nbusy")
    assert not any(site.storage.raw)


def test_nothing_of_a_request_is_logged(site: Site) -> None:
    site.ask("GET /image/original?proxy=http://h/secret.png HTTP/1.1", "Cookie: jwt=secret")
    site.ask("GET /image/original/a%00secret HTTP/1.1", "Authorization: secret")
    assert "secret" not in site.nginx.logged
