"""pict-rs as the proxy meets it: the one address, the request that is written anew, the headers that go back."""

from __future__ import annotations

import pytest
from mitmproxy.connection import Server
from mitmproxy.http import Headers, Response
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from mitmproxy.test import tflow

import addons.upstream
from addons.cases import Case, Cases
from addons.gatekeeper import Forward
from addons.upstream import Upstream

FORWARD = Forward("POST", "/image?resize=200", ((b"Content-Type", b"text/plain"),), b"body")


def case() -> Case:
    return Cases().begin("flow", "client", None)


def guarded(**server: object) -> str | None:
    made = Server(address=("pictrs", 8080))
    for name, value in server.items():
        setattr(made, name, value)
    Upstream(("pictrs", 8080)).guard(ServerConnectionHookData(made, tflow.tclient_conn()))
    return made.error


def test_only_pict_rs_is_connected_to() -> None:
    assert guarded() is None


@pytest.mark.parametrize(
    "server",
    [
        {"address": ("pictrs", 8081)},
        {"address": ("other", 8080)},
        {"address": None},
        {"via": ("http", ("proxy", 8080))},
        {"tls": True},
    ],
    ids=str,
)
def test_nothing_else_is(server: dict[str, object]) -> None:
    assert guarded(**server) == "the filter connects to pict-rs only"


@pytest.mark.parametrize(("host", "authority"), [("pictrs", b"pictrs:8080"), ("fd00::1", b"[fd00::1]:8080")])
async def test_a_request_is_written_anew(host: str, authority: bytes) -> None:
    flow, mine = tflow.tflow(resp=True), case()
    flow.request.headers["cookie"] = "of the client"
    flow.request.trailers = Headers(a="b")
    Upstream((host, 8080)).send(flow, mine, FORWARD)
    sent = flow.request
    assert flow.response is None
    assert (sent.host, sent.port, sent.method, sent.path) == (host, 8080, "POST", "/image?resize=200")
    assert (sent.data.scheme, sent.data.authority, sent.http_version) == (b"http", b"", "HTTP/1.1")
    assert sent.headers.fields == ((b"Host", authority), (b"Content-Type", b"text/plain"))
    assert (sent.raw_content, sent.trailers) == (b"body", None)
    assert mine.timer is not None  # its answer is waited for, and not for ever
    mine.stop_timer()


async def test_only_known_headers_with_clean_values_go_back() -> None:
    mine = case()
    fields = (
        (b"Content-Type", b"image/png"),
        (b"ETAG", b'"x"\tand more'),
        (b"server", b"pict-rs"),
        (b"vary", b"a\rset-cookie: b"),
        (b"expires", b"\x7f"),
    )
    answer = Response.make(200, b"", fields)
    answer.headers = Headers(fields)
    assert not mine.begun
    Upstream(("pictrs", 8080)).pass_back(answer, mine)
    assert answer.headers.fields == fields[:2]
    assert mine.begun
    mine.unread = 5
    assert callable(answer.stream)
    assert answer.stream(b"piece") == b"piece"
    assert mine.unread == 0  # it moves
    mine.stop_timer()
    mine.open = False
    answer.stream(b"late")
    assert mine.timer is None  # what has ended is not waited for


async def test_one_timer_is_enough_for_many_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    mine, late = case(), list[Case]()
    monkeypatch.setattr(addons.upstream, "_run_out", late.append)
    addons.upstream._wait(mine, 10)
    first = mine.timer
    assert first is not None
    addons.upstream._wait(mine, 20)
    assert mine.timer is first  # it rings too early
    addons.upstream._ring(mine)
    assert late == []
    assert mine.timer is not None
    assert mine.timer.when() == mine.due
    addons.upstream._wait(mine, 5)
    assert first is not mine.timer is not None  # that one would have rung too late
    assert mine.timer.when() == mine.due
    mine.stop_timer()
    mine.due = 0.0
    addons.upstream._ring(mine)
    assert late == [mine]
    assert mine.timer is None
