"""Remote servers that misbehave, through the whole gate: by `download?url=`, and by `?proxy=` with pict-rs's call.

The right words at the client, exactly one fetch, nothing at pict-rs, bounded memory, and no second fetch for a while.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from aiohttp.abc import AbstractResolver

from addons.admission import Slot
from addons.fetch import errors, remote, retrieval
from tests.addons.fetch.sites import (
    CHUNKED,
    PUBLIC,
    Names,
    Script,
    drip,
    endless,
    hold,
    in_turn,
    listen,
    ok,
    redirect,
    send,
    serve,
)
from tests.addons.fetch.sites import Site as RawSite
from tests.http1 import Answer, Request, ask, write_answer
from tests.recorder import Recorder, pictrs_answer
from tests.running import FORBIDDEN, FakeJudge, RunningFilter, config, until

MIB = 1024 * 1024
MAX_BYTES = MIB
TEN_GB = 10 * 1000**3
NAME = "pictures.example"
"""The only name of the site; it has the address 127.0.0.2, which plays the public internet."""
MOST_MEMORY_BYTES = 6_000_000
"""What a fetch may take at its peak in the filter, in the site and in the test, which are one process here."""


class Calling(Recorder):
    """Stands where pict-rs stands, and asks for what `proxy=` names. `called` has the answers."""

    def __init__(self) -> None:
        super().__init__(self._respond)
        self.called: list[Answer] = []

    def _respond(self, request: Request) -> bytes:
        staged = parse_qs(urlsplit(request.target).query).get("proxy")
        if not staged:
            return pictrs_answer(request)
        there = urlsplit(staged[0])
        found = ask((there.hostname or "", there.port or 80), "GET", there.path)
        self.called.append(found)
        if found.status != 200:  # what 0.5.25 says
            reason = f'{{"code":"download-file-error","msg":"bad response {found.status}"}}'
            return write_answer(500, reason.encode(), {"Content-Type": "application/json"})
        return write_answer(200, found.body, {"Content-Type": "image/jpeg"})


@dataclass(frozen=True)
class Case:
    """What a site does, what the client is told, and how many requests the site sees: one for each hop of one fetch."""

    script: Script | bytes
    told: str
    requests: int = 1


HEAD = b"HTTP/1.1 200 OK\r\n"
COMPRESSED = "The address answered with a compressed body, which was not asked for."
BOMB = gzip.compress(bytes(64 * MIB), 9)
REDIRECTS = 3

CASES = {
    "stalls before it answers": Case(hold(), errors.TOO_LATE),
    "stalls in its head": Case(hold(HEAD), errors.TOO_LATE),
    "stalls in its body": Case(hold(HEAD + b"Content-Length: 100\r\n\r\nabc"), errors.TOO_LATE),
    "drips": Case(drip(HEAD + b"Content-Length: 100000\r\n\r\n", b"x"), errors.TOO_LATE),
    "claims 10 GB": Case(hold(HEAD + b"Content-Length: %d\r\n\r\n" % TEN_GB), errors.TOO_LARGE),
    "sends 10 GB": Case(endless(HEAD + b"Content-Length: %d\r\n\r\n" % TEN_GB, b"x" * 65536), errors.TOO_LARGE),
    "sends chunks without end": Case(endless(CHUNKED, b"ffff\r\n" + b"x" * 65535 + b"\r\n"), errors.TOO_LARGE),
    "sends without end or length": Case(endless(HEAD + b"\r\n", b"x" * 65536), errors.TOO_LARGE),
    "sends a gzip bomb": Case(ok(BOMB, b"Content-Encoding: gzip"), COMPRESSED),
    "sends a compressed picture": Case(ok(gzip.compress(b"picture"), b"Content-Encoding: gzip"), COMPRESSED),
    "announces more than it sends": Case(HEAD + b"Content-Length: 100\r\n\r\nabc", errors.NOT_FETCHED),
    "announces less than it sends": Case(HEAD + b"Content-Length: 3\r\n\r\npicture", errors.NOT_FETCHED),
    "calls an ordinary length huge": Case(HEAD + b"Content-Length: %d\r\n\r\nabc" % TEN_GB, errors.TOO_LARGE),
    "calls its length minus one": Case(HEAD + b"Content-Length: -1\r\n\r\nabc", errors.NOT_FETCHED),
    "sends nothing": Case(ok(b""), "The address answered with an empty body."),
    "has nothing": Case(b"HTTP/1.1 404 Not Found\r\n\r\n", "The address answered 404 instead of 200."),
    "hangs up": Case(b"", errors.NOT_FETCHED),
    "redirects in a loop": Case(redirect("/picture.jpg"), "The address redirects too often.", 1 + REDIRECTS),
}
"""A page as a picture, or a picture as a page, is no case: the judge looks at the bytes. See below."""


@dataclass
class Through:
    """One filter with pict-rs behind it. `most` is the most that all fetches held at a time."""

    gate: RunningFilter
    upstream: Calling
    judge: FakeJudge
    most: list[int]

    async def ask(self, way: str, url: str) -> Answer:
        """A download, or a view, of an address."""
        target = {"download": "/image/download?url=", "proxy": "/image/original?proxy="}[way] + quote(url, safe="")
        return await asyncio.to_thread(ask, self.gate.address, "GET", target)

    async def assert_refused(self, way: str, url: str, told: str) -> None:
        """The client is told so, in pict-rs's shape, and nothing is left of it."""
        answer = await self.ask(way, url)
        assert (answer.status, answer.headers["Content-Type"]) == (400, "application/json"), answer.body
        assert answer.json() == {"msg": told, "code": "download-file-error", "files": []}
        parts = self.gate.filter._parts
        await asyncio.to_thread(until, lambda: (parts.admission.requests, parts.admission.bytes) == (0, 0))
        assert not any(request.body for request in self.upstream.requests)
        assert not any(called.status == 200 for called in self.upstream.called)


@contextlib.contextmanager
def through(port: int, **settings: Any) -> Iterator[Through]:
    fetch = {"ports": (port,), "allow_networks": (f"{PUBLIC}/32",), "idle_seconds": 1.0, "max_redirects": REDIRECTS}
    limits = {"max_file_mib": MAX_BYTES // MIB, "max_request_mib": 2}
    judge = FakeJudge()
    with Calling() as upstream, pytest.MonkeyPatch.context() as patch:
        given = {"fetch": fetch, "limits": limits, "deadline_seconds": 3.0} | settings
        with RunningFilter(config(upstream.address, **given), judge) as gate:
            admission, most, real = gate.filter._parts.admission, [0], Slot.hold

            def watched(self: Slot, total: int) -> bool:
                held = real(self, total)
                most.append(admission.bytes)
                return held

            patch.setattr(Slot, "hold", watched)
            patch.setattr(retrieval, "FAIR_SECONDS", 2.0)  # what is slow in the time that is given here is remembered
            yield Through(gate, upstream, judge, most)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Names]:
    """Set what the name server says, in turn, of NAME."""

    def set_names(*answers: Sequence[str]) -> Names:
        made = Names({NAME: answers})
        resolver: Callable[[], AbstractResolver] = lambda: made  # noqa: E731
        monkeypatch.setattr(remote, "SystemResolver", resolver)
        return made

    return set_names


@contextlib.asynccontextmanager
async def site(case: Case) -> AsyncIterator[RawSite]:
    async with serve(send(case.script) if isinstance(case.script, bytes) else case.script) as running:
        yield running


@pytest.mark.parametrize("way", ["download", "proxy"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_a_site_that_misbehaves(case: Case, way: str, names: Callable[..., Names]) -> None:
    asked = names([PUBLIC])
    async with site(case) as running:
        with through(running.port) as scene:
            url = f"http://{NAME}:{running.port}/picture.jpg"
            await scene.assert_refused(way, url, case.told)
            assert len(running.requests) == running.connects == case.requests
            await scene.assert_refused(way, url, case.told)
            other = {"download": "proxy", "proxy": "download"}[way]
            await scene.assert_refused(other, url, case.told)
            assert running.connects == case.requests  # it is remembered for a while, whoever asks
            assert max(scene.most) <= MAX_BYTES
            assert scene.judge.seen == []
    assert set(asked.asked) == {NAME}


@pytest.mark.parametrize("way", ["download", "proxy"])
async def test_memory_is_bounded(way: str, names: Callable[..., Names]) -> None:
    names([PUBLIC])
    for name in ("sends 10 GB", "sends chunks without end", "sends a gzip bomb"):
        async with site(CASES[name]) as running:
            with through(running.port) as scene:
                await scene.ask(way, f"http://{NAME}:{running.port}/first.jpg")
                tracemalloc.start()
                try:
                    answer = await scene.ask(way, f"http://{NAME}:{running.port}/second.jpg")
                    assert answer.json()["msg"] == CASES[name].told
                    assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY_BYTES, name
                finally:
                    tracemalloc.stop()


@pytest.mark.parametrize("way", ["download", "proxy"])
@pytest.mark.parametrize("addresses", [["127.0.0.1"], [PUBLIC, "127.0.0.1"], ["10.0.0.1"], ["::1"], []])
async def test_a_name_that_leads_inside(addresses: list[str], way: str, names: Callable[..., Names]) -> None:
    names(addresses)
    async with serve(ok(b"secret")) as running, serve(ok(b"secret"), "127.0.0.1") as inside:
        with through(running.port, fetch={"ports": (running.port, inside.port), "allow_networks": ()}) as scene:
            for port in (running.port, inside.port):
                await scene.assert_refused(way, f"http://{NAME}:{port}/", errors.NOT_PUBLIC)
            assert running.connects == inside.connects == 0


@pytest.mark.parametrize("way", ["download", "proxy"])
async def test_a_name_with_a_new_address_each_time(way: str, names: Callable[..., Names]) -> None:
    asked = names([PUBLIC], ["127.0.0.1"], [PUBLIC])
    async with (
        serve(redirect("/again")) as running,
        serve(ok(b"secret"), "127.0.0.1") as inside,
        listen(inside.talk, "127.0.0.1", running.port),
    ):
        with through(running.port) as scene:
            for _ in range(2):
                await scene.assert_refused(way, f"http://{NAME}:{running.port}/", errors.NOT_PUBLIC)
            assert (running.connects, inside.connects) == (1, 0)
    assert asked.asked == [NAME] * 2


@pytest.mark.parametrize("way", ["download", "proxy"])
async def test_bytes_that_change_between_two_fetches(way: str, names: Callable[..., Names]) -> None:
    names([PUBLIC])
    ordinary, other = b"an ordinary picture", b"another picture"
    async with serve(in_turn(ok(ordinary), ok(other), ok(FORBIDDEN), ok(ordinary))) as running:
        with through(running.port) as scene:
            url = f"http://{NAME}:{running.port}/picture.jpg"
            for number, data in enumerate((ordinary, other), 1):
                answer = await scene.ask(way, url)
                assert answer.status == {"download": 201, "proxy": 200}[way]
                assert running.connects == number  # what is judged is what goes on: nobody fetches it again
                assert scene.judge.seen[-1] == data
                sent = scene.upstream.called[-1].body if way == "proxy" else scene.upstream.requests[-1].body
                assert data in sent
            for _ in range(2):
                answer = await scene.ask(way, url)
                assert (answer.status, answer.json()["code"]) == (400, "failed-external-validation")
            assert running.connects == 3
            assert not any(FORBIDDEN in raw for raw in scene.upstream.raw)
            assert not any(FORBIDDEN in called.body for called in scene.upstream.called)


@pytest.mark.parametrize("way", ["download", "proxy"])
@pytest.mark.parametrize(
    ("reply", "judged"),
    [
        (ok(b"picture", b"Content-Type: text/html"), b"picture"),
        (ok(FORBIDDEN, b"Content-Type: image/jpeg"), FORBIDDEN),
    ],
    ids=["another type", "forbidden"],
)
async def test_only_the_bytes_count(reply: bytes, judged: bytes, way: str, names: Callable[..., Names]) -> None:
    names([PUBLIC])
    async with serve(reply) as running:
        with through(running.port) as scene:
            answer = await scene.ask(way, f"http://{NAME}:{running.port}/picture.jpg")
            assert running.connects == 1
            assert scene.judge.seen == [judged]
            went = [called.body for called in scene.upstream.called if called.status == 200]
            went += [request.body for request in scene.upstream.requests if request.body]
            if judged == FORBIDDEN:
                assert (answer.status, went) == (400, [])
            else:
                assert answer.status in (200, 201)
                assert len(went) == 1
                assert judged in went[0]
