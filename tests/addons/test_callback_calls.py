"""pict-rs's calls over real sockets: what comes in at its listener, what goes out, and who may speak where."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from tests.addons.pictrs.test_validation import PNG, SENT_BY_048, SENT_BY_0525, SENT_BY_06RC6
from tests.http1 import Answer, Request, ask, upload, write_answer
from tests.ports import free_port
from tests.recorder import Recorder, Site, pictrs_answer
from tests.running import FORBIDDEN, FakeJudge, RunningFilter, config, listen, say, until

PICTURE = b"an ordinary picture"


class Scene:
    """A filter between a recorder in pict-rs's place and a web site."""

    def __init__(self, recorder: Recorder, site: Site, gate: RunningFilter, judge: FakeJudge) -> None:
        self.recorder = recorder
        self.site = site
        self.gate = gate
        self.judge = judge

    def view(self, url: str) -> Answer:
        """What a client gets for a proxied picture."""
        return ask(self.gate.address, "GET", f"/image/original?proxy={quote(url, safe='')}")

    def staged(self, url: str) -> str:
        """The path that pict-rs is given for an address."""
        self.view(url)
        (staged,) = parse_qs(urlsplit(self.recorder.requests[-1].target).query)["proxy"]
        assert urlsplit(staged).netloc == "{}:{}".format(*self.gate.callback)
        return urlsplit(staged).path

    def call(self, path: str, **headers: str) -> Answer:
        """pict-rs asks."""
        return ask(
            self.gate.callback, "GET", path, None, {name.replace("_", "-"): each for name, each in headers.items()}
        )


@contextmanager
def scene(port: int = 80, **settings: object) -> Iterator[Scene]:
    """`port`: of another site on this machine that may be asked."""
    judge = FakeJudge()
    with Recorder() as recorder, Site() as site:
        fetch = {"ports": (site.address[1], port), "allow_networks": ("127.0.0.1/32",)}
        with RunningFilter(config(recorder.address, fetch=fetch, **settings), judge) as gate:
            yield Scene(recorder, site, gate, judge)


@pytest.fixture
def there() -> Iterator[Scene]:
    with scene() as made:
        yield made


def pict_rs(request: Request) -> bytes:
    """What pict-rs 0.5 does with an address that it has nothing for: it asks there, and gives what it gets."""
    for staged in parse_qs(urlsplit(request.target).query).get("proxy", []):
        parts = urlsplit(staged)
        assert parts.hostname is not None
        assert parts.port is not None
        got = ask((parts.hostname, parts.port), "GET", parts.path)
        if got.status != 200:
            return write_answer(500, b'{"msg":"Unable to download image","code":"download-file-error"}')
        return write_answer(200, got.body, {"Content-Type": "image/jpeg"})
    return pictrs_answer(request)


# Staged addresses


def test_it_fetches_judges_and_serves_inside_the_call(there: Scene) -> None:
    url = there.site.put("/a.jpg", PICTURE)
    path = there.staged(url)
    assert there.site.fetches == {}  # pict-rs may have it
    got = there.call(path)
    assert (got.status, got.body, got.headers["Content-Type"]) == (200, PICTURE, "image/jpeg")
    assert got.headers["Cache-Control"] == "max-age=0"
    assert there.site.fetches == {"/a.jpg": 1}
    assert there.judge.seen == [PICTURE]
    assert [decision.source for decision in there.gate.decisions] == ["proxy"]


def test_a_view_from_end_to_end(there: Scene) -> None:
    there.recorder.answer = pict_rs
    assert there.view(there.site.put("/a.jpg", PICTURE)).body == PICTURE
    refused = there.view(there.site.put("/b.jpg", FORBIDDEN))
    assert (refused.status, refused.json()["code"]) == (400, "failed-external-validation")
    assert there.gate.decisions[-1].ref in refused.json()["msg"]
    missing = there.view(there.site.put("/c.jpg", b"x", status=404))
    assert (missing.status, missing.json()["code"]) == (400, "download-file-error")
    assert missing.json()["msg"] == "The address answered 404 instead of 200."


@pytest.mark.parametrize("placeholder", [True, False])
def test_a_refused_view_of_a_browser_is_a_picture(placeholder: bool) -> None:
    browser = {"Accept": "image/avif,image/webp,image/*,*/*;q=0.8"}
    with scene(placeholder=placeholder) as there:
        there.recorder.answer = pict_rs
        url = quote(there.site.put("/b.jpg", FORBIDDEN), safe="")
        for target in (f"/image/original?proxy={url}", f"/image/process.webp?proxy={url}&thumbnail=96"):
            shown = ask(there.gate.address, "GET", target, headers=browser)
            assert (shown.status, shown.headers["Cache-Control"]) == (400, "no-store")
            assert shown.body.startswith(b"\x89PNG" if placeholder else b'{"msg"')
            assert shown.headers["Content-Type"] == ("image/png" if placeholder else "application/json")
            assert int(shown.headers["Content-Length"]) == len(shown.body)
            told = ask(there.gate.address, "GET", target, headers={"Accept": "*/*"})
            assert (told.status, told.json()["code"]) == (400, "failed-external-validation")
        passed = ask(
            there.gate.address, "GET", f"/image/original?proxy={there.site.put('/a.jpg', PICTURE)}", headers=browser
        )
        assert (passed.status, passed.body) == (200, PICTURE)


def test_unchanged_is_a_304_without_a_body(there: Scene) -> None:
    path = there.staged(there.site.put("/a.jpg", PICTURE))
    etag = there.call(path).headers["ETag"]
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nIf-None-Match: {etag}\r\nConnection: close\r\n\r\n"
    head, end, body = say(there.gate.callback, request.encode()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 304 ")
    assert (end, body) == (b"\r\n\r\n", b"")
    lines = head.lower().split(b"\r\n")
    assert b"cache-control: max-age=3600" in lines
    assert b"etag: " + etag.lower().encode() in lines
    assert not [line for line in lines if line.startswith((b"content-length", b"transfer-encoding"))]


def test_a_304_leaves_the_connection_usable(there: Scene) -> None:
    path = there.staged(there.site.put("/a.jpg", PICTURE))
    etag = there.call(path).headers["ETag"]
    first = f"GET {path} HTTP/1.1\r\nHost: x\r\nIf-None-Match: {etag}\r\n\r\n".encode()
    last = b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    heard = say(there.gate.callback, first + last)
    assert heard.startswith(b"HTTP/1.1 304 ")
    assert heard.count(b"HTTP/1.1 404 ") == 1


def test_an_origin_that_knows_its_own_etag_sends_no_bytes_again(there: Scene) -> None:
    def page(request: Request) -> bytes:
        if request.header("if-none-match") == ['"v1"']:
            return write_answer(304, headers={"ETag": '"v1"'})
        return write_answer(200, PICTURE, {"ETag": '"v1"', "Content-Type": "image/jpeg"})

    path = there.staged(there.site.route("/a.jpg", page))
    etag = there.call(path).headers["ETag"]
    assert there.call(path, If_None_Match=etag).status == 304
    assert there.site.fetches == {"/a.jpg": 2}
    assert there.judge.seen == [PICTURE]


def test_what_is_refused_is_not_fetched_again_for_a_while(there: Scene) -> None:
    path = there.staged(there.site.put("/a.jpg", FORBIDDEN))
    first, second = there.call(path), there.call(path)
    assert (first.status, first.json()) == (second.status, second.json())
    assert first.json()["code"] == "failed-external-validation"
    assert there.site.fetches == {"/a.jpg": 1}


def test_fetches_carry_the_filters_name(there: Scene) -> None:
    there.call(there.staged(there.site.put("/a.jpg", PICTURE)))
    (fetched,) = there.site.requests
    (name,) = fetched.header("x-pictrs-filter")
    assert name.endswith("-fetch")
    (view,) = there.recorder.requests
    assert view.header("x-pictrs-filter") == [name.removesuffix("-fetch")]


def test_a_picture_on_the_filters_own_server_can_be_proxied() -> None:
    """Its fetch comes back as a view of what is stored: no loop. A fetch that would cause another fetch is one."""
    port = free_port()
    with scene(listen=f"127.0.0.1:{port}", port=port) as there:
        own = f"http://127.0.0.1:{port}/image/original"
        assert there.call(there.staged(f"{own}/a.png")).body == b"recorded"
        again = there.call(there.staged(f"{own}?proxy=http%3A%2F%2F127.0.0.1:{port}%2Fa.png"))
        assert (again.status, again.json()["msg"]) == (400, "The address answered 508 instead of 200.")


# Who may speak where


@pytest.mark.parametrize("target", ["/image/original/a.png", "/healthz", "/internal/purge?alias=a", "/image", "/"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_that_comes_in_there_goes_on_to_pict_rs(there: Scene, method: str, target: str) -> None:
    assert ask(there.gate.callback, method, target, b"x" if method == "POST" else None).status == 404
    assert not any(there.recorder.raw)


def test_an_upload_there_is_not_one(there: Scene) -> None:
    assert upload(there.gate.callback, PICTURE).status == 404
    assert there.judge.seen == []
    assert not any(there.recorder.raw)


def test_clients_cannot_call(there: Scene) -> None:
    path = there.staged(there.site.put("/a.jpg", PICTURE))
    there.recorder.reset()
    assert ask(there.gate.address, "GET", path).status == 404
    assert ask(there.gate.address, "POST", "/validate", PNG, {"Content-Type": "image/png"}).status == 404
    assert there.site.fetches == {}
    assert not any(there.recorder.raw)


def test_a_call_has_no_body(there: Scene) -> None:
    path = there.staged(there.site.put("/a.jpg", PICTURE))
    assert ask(there.gate.callback, "GET", path, b"x").status == 400
    assert there.site.fetches == {}


# /validate


@pytest.mark.parametrize("recorded", [SENT_BY_048, SENT_BY_0525, SENT_BY_06RC6], ids=["0.4.8", "0.5.25", "0.6.0-rc.6"])
def test_what_three_versions_sent(there: Scene, recorded: bytes) -> None:
    heard = say(there.gate.callback, recorded)
    assert heard.startswith(b"HTTP/1.1 200 ")
    assert there.judge.seen == [PNG]
    assert not any(there.recorder.raw)


def test_a_file_that_is_refused(there: Scene) -> None:
    answer = ask(there.gate.callback, "POST", "/validate", FORBIDDEN, {"Content-Type": "image/png"})
    assert (answer.status, answer.json()["code"]) == (400, "failed-external-validation")


def test_a_body_that_is_too_large_is_not_judged() -> None:
    with scene(limits={"max_file_mib": 1, "max_request_mib": 1}) as there:
        sizes = {1024 * 1024: 200, 1024 * 1024 + 1: 400, 2 * 1024 * 1024: 400}
        for size, status in sizes.items():
            answer = ask(there.gate.callback, "POST", "/validate", bytes(size), {"Content-Type": "image/png"})
            assert answer.status == status
        assert [len(data) for data in there.judge.seen] == [1024 * 1024]


def test_before_the_model_is_warm() -> None:
    with Recorder() as recorder, Site() as site:
        fetch = {"ports": (site.address[1],), "allow_networks": ("127.0.0.1/32",)}

        async def never(_: object) -> FakeJudge:
            await asyncio.Event().wait()
            return FakeJudge()

        with RunningFilter(config(recorder.address, fetch=fetch), start=never, wait=False) as gate:
            answer = ask(gate.callback, "POST", "/validate", PNG, {"Content-Type": "image/png"})
            assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
            early = Scene(recorder, site, gate, FakeJudge())
            url = site.put("/a.jpg", PICTURE)
            assert early.view(url).status == 503
            assert not any(recorder.raw)
            staged = gate.filter._parts.staging.staged(url)  # pict-rs may have it from before a restart
            assert early.call(urlsplit(staged).path).status == 503


# Two sides at once


def test_an_upload_that_pict_rs_has_validated_does_not_wait_for_its_own_place() -> None:
    """It keeps that until pict-rs has answered, and pict-rs does not answer before it has a verdict."""

    def validating(request: Request) -> bytes:
        verdict = ask(gate.callback, "POST", "/validate", PNG, {"Content-Type": "image/png"})
        return pictrs_answer(request) if verdict.status == 200 else write_answer(500, b'{"msg":"validation failed"}')

    with (
        Recorder(validating) as recorder,
        RunningFilter(config(recorder.address, overload={"media_requests": 1}), FakeJudge()) as gate,
    ):
        for _ in range(2):
            answer = upload(gate.address, PICTURE)
            assert answer.status == 201, answer.body
        assert [decision.source for decision in gate.decisions] == ["upload", "hook"] * 2


def test_a_stop_lets_pict_rs_ask_for_what_is_in_hand() -> None:
    asked, stopping = threading.Event(), threading.Event()

    def late(request: Request) -> bytes:
        asked.set()
        assert stopping.wait(10)
        return pict_rs(request)

    with Recorder(late) as recorder, Site() as site, ThreadPoolExecutor(2) as pool:
        fetch = {"ports": (site.address[1],), "allow_networks": ("127.0.0.1/32",)}
        gate = RunningFilter(config(recorder.address, fetch=fetch), FakeJudge())
        with gate:
            url = site.put("/a.png", PICTURE)
            view = pool.submit(ask, gate.address, "GET", f"/image/original?proxy={quote(url, safe='')}")
            assert asked.wait(10)
            stop = pool.submit(gate.stop)
            until(lambda: gate.filter._parts.life.stopping)
            stopping.set()
            answer = view.result(20)
            stop.result(20)
    assert (answer.status, answer.body) == (200, PICTURE)


def test_a_view_is_over_for_the_site_when_its_answer_begins() -> None:
    """pict-rs has all that it will ask for; the client may take its time, and nothing is kept for it meanwhile."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        RunningFilter(config(listening.getsockname()), FakeJudge()) as gate,
        socket.create_connection(gate.address, timeout=10) as client,
    ):
        staging = gate.filter._parts.staging
        client.sendall(b"GET /image/original?proxy=http%3A%2F%2Fh%2Fa.png HTTP/1.1\r\nHost: x\r\n\r\n")
        server, _ = listening.accept()
        with server:
            server.recv(65536)
            assert len(staging._tickets) == 1
            server.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nfirst half")
            assert listen(client).endswith(b"first half")
            assert staging._tickets == {}
            assert not gate.filter._parts.intercept.idle.is_set()
