"""The gatekeeper by itself: what goes on to pict-rs, and what is answered here."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from addons.admission import FETCH_SHARE
from addons.fetch.remote import FetchTimeout, RemoteFetcher
from addons.gatekeeper import OFF_LOOP_BYTES, Forward
from addons.inbound import Inbound
from addons.pictrs import answers, multipart
from addons.pictrs.routes import Match
from config.policy import Origin
from config.settings import Fetch
from model.verdict import Verdict
from tests.addons.desk import MIB, Desk, SetJudge, sent, status_of
from tests.http1 import form
from tests.running import FORBIDDEN, FakeJudge

# What goes on


@pytest.mark.parametrize(
    ("line", "at_once"),
    [
        ("GET /image/original/a.jpeg", True),
        ("GET /image/original?proxy=http://h/a.png", True),
        ("POST /image", False),
        ("GET /image/download?url=http://h/a.png", False),
    ],
)
async def test_what_brings_no_media_in_is_decided_at_once(line: str, at_once: bool) -> None:
    desk = Desk()
    method, target = line.encode().split()
    inbound = Inbound(method, target, (), b"")
    found = desk.gatekeeper.screen(method, target, ())
    assert isinstance(found, Match)
    decided = desk.gatekeeper.at_once(found, inbound)
    assert (decided is not None) is at_once
    if at_once:
        assert isinstance(decided, Forward)
        later = await desk.gatekeeper.decide(found, inbound, lambda _: True)
        assert isinstance(later, Forward)
        assert (decided.target, decided.headers) == (later.target, later.headers)


async def test_files_that_pass_go_on_afresh() -> None:
    desk = Desk()
    forward = await desk.upload(b"one", b"two", target="/im%61ge?resize=64")
    assert isinstance(forward, Forward)
    assert (forward.method, forward.target) == ("POST", "/image?resize=64")
    assert sent(forward) == [b"one", b"two"]
    assert b"picture" not in forward.body
    assert forward.body.count(b"Content-Type: image/jpeg\r\n") == 2
    assert [decision.source for decision in desk.decisions] == ["upload", "upload"]


async def test_one_refused_file_refuses_the_request_and_ends_it() -> None:
    desk = Desk()
    answer = await desk.upload(b"one", FORBIDDEN, b"three")
    (_, refused) = desk.decisions
    assert answer == answers.rejected(refused.ref)
    assert desk.judge.seen == [b"one", FORBIDDEN]


async def test_a_download_is_fetched_here_and_sent_as_an_upload() -> None:
    desk = Desk()
    forward = await desk.ask("GET", "/image/download?url=http://h/a%2Fb.png&backgrounded=false&resize=64")
    assert isinstance(forward, Forward)
    assert (forward.method, forward.target) == ("POST", "/image?resize=64")
    assert sent(forward) == [b"fetched"]
    assert [url for url, _ in desk.fetcher.asked] == ["http://h/a/b.png"]
    assert desk.decisions[0].source == "fetch"


async def test_a_download_that_is_refused() -> None:
    desk = Desk(found=FORBIDDEN)
    assert await desk.download() == answers.rejected(desk.decisions[0].ref)


async def test_what_could_not_be_fetched_is_not_judged() -> None:
    desk = Desk(found=FetchTimeout("The address did not answer in time.", "internal words"))
    assert await desk.download() == answers.not_fetched("The address did not answer in time.")
    assert desk.judge.seen == []


async def test_one_deadline_holds_for_fetching_and_all_files() -> None:
    judge = SetJudge()
    desk = Desk(judge)
    before = time.monotonic()
    await desk.upload(b"one", b"two")
    await desk.download()
    first, second, third = judge.deadlines
    assert first == second
    assert third == desk.fetcher.asked[0][1]
    assert all(before + 5 <= deadline <= time.monotonic() + 5 for deadline in judge.deadlines)


AROUND = len(form(b"")[1])
"""Bytes of an upload's body besides the file."""


@pytest.mark.parametrize(
    ("size", "read_on_the_loop", "written_on_the_loop"),
    [
        (3, True, True),
        (OFF_LOOP_BYTES - AROUND - 1, True, True),
        (OFF_LOOP_BYTES - AROUND, False, True),
        (OFF_LOOP_BYTES - 1, False, True),
        (OFF_LOOP_BYTES, False, False),
        (MIB, False, False),
    ],
)
async def test_large_bodies_are_read_and_written_in_a_thread_and_alike(
    size: int, read_on_the_loop: bool, written_on_the_loop: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: dict[str, int] = {}

    def noting(name: str) -> Callable[..., Any]:
        plain = getattr(multipart, name)

        def noted(*given: Any, **more: Any) -> Any:
            threads[name] = threading.get_ident()
            return plain(*given, **more)

        return noted

    for name in ("parse", "serialise"):
        monkeypatch.setattr(multipart, name, noting(name))
    data = (bytes(range(256)) * (size // 256 + 1))[:size]
    forward = await Desk().upload(data)
    assert {name: thread == threading.get_ident() for name, thread in threads.items()} == {
        "parse": read_on_the_loop,
        "serialise": written_on_the_loop,
    }
    assert sent(forward) == [data]


@pytest.mark.parametrize(("size", "status"), [(MIB, 0), (MIB + 1, 400)])
async def test_the_largest_file(size: int, status: int) -> None:
    answer = await Desk().upload(bytes(size))
    assert (status_of(answer) if status else sent(answer)) == (status or [bytes(size)])


@pytest.mark.parametrize(("count", "status"), [(3, 0), (4, 400)])
async def test_the_most_files(count: int, status: int) -> None:
    answer = await Desk().upload(*[b"x"] * count)
    assert (status_of(answer) if status else sent(answer)) == (status or [b"x"] * count)


@pytest.mark.parametrize(
    ("target", "limit"),
    [
        ("POST /image", 2 * MIB),
        ("POST /image/backgrounded", 2 * MIB),
        ("GET /image/download?url=http://h/", 0),
        ("GET /image/original?proxy=http://h/", 0),
        ("GET /healthz", 0),
    ],
)
def test_how_much_body_a_request_may_have(target: str, limit: int) -> None:
    method, path = target.encode().split()
    desk = Desk()
    found = desk.gatekeeper.screen(method, path, ())
    assert isinstance(found, Match)
    assert desk.gatekeeper.body_limit(found) == limit


@pytest.mark.parametrize(
    ("target", "share"),
    [
        ("POST /image", 1.0),
        ("POST /image/backgrounded", 1.0),
        ("GET /image/download?url=http://h/", FETCH_SHARE),
        ("GET /image/original?proxy=http://h/", None),
        ("POST /internal/purge?alias=a.png", None),
        ("GET /healthz", None),
    ],
)
def test_how_much_of_the_room_a_request_may_take(target: str, share: float | None) -> None:
    method, path = target.encode().split()
    desk = Desk()
    found = desk.gatekeeper.screen(method, path, ())
    assert isinstance(found, Match)
    assert desk.gatekeeper.share(found) == share


async def test_a_download_asks_for_room_for_what_it_fetches() -> None:
    desk = Desk()
    found = desk.gatekeeper.screen(b"GET", b"/image/download?url=http://h/", ())
    assert isinstance(found, Match)
    asked: list[int] = []

    def hold(size: int) -> bool:
        asked.append(size)
        return True

    await desk.gatekeeper.decide(found, Inbound(b"GET", b"/", (), b""), hold)
    assert asked == [len(b"fetched")]


async def test_a_download_of_an_address_that_came_to_nothing_is_not_fetched_again() -> None:
    desk = Desk(found=FORBIDDEN)
    first = await desk.download()
    assert await desk.download() == first
    assert len(desk.fetcher.asked) == 1


# What does not


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/internal/variants", 404),
        ("PUT", "/image", 405),
        ("POST", "/image?resize=x", 400),
        ("GET", "/image/original/a.png?x=1", 400),
    ],
)
async def test_what_no_row_knows(method: str, target: str, status: int) -> None:
    assert status_of(await Desk().ask(method, target)) == status


@pytest.mark.parametrize("target", ["POST /image", "GET /image/original/a.png"])
async def test_a_coded_body_is_refused_whatever_the_code(target: str) -> None:
    method, path = target.split()
    for name in (b"Content-Encoding", b"content-ENCODING"):
        assert status_of(await Desk().ask(method, path, (name, b"identity"))) == 415


async def test_a_body_that_is_no_form() -> None:
    desk = Desk()
    assert status_of(await desk.ask("POST", "/image", (b"Content-Type", b"image/png"), body=b"x")) == 415
    assert status_of(await desk.ask("POST", "/image", body=b"x")) == 415
    two = ((b"Content-Type", b"multipart/form-data; boundary=a"), (b"content-type", b"multipart/form-data; boundary=b"))
    assert status_of(await desk.ask("POST", "/image", *two, body=b"--a--\r\n")) == 415
    assert desk.decisions == []


@pytest.mark.parametrize(
    ("method", "target", "starting"),
    [
        ("POST", "/image", True),
        ("GET", "/image/download?url=http://h/a.png", True),
        ("GET", "/healthz", True),
        ("GET", "/image/original/a.png", False),
        ("DELETE", "/image/delete/t/a.png", False),
    ],
)
def test_before_the_model_is_warm(method: str, target: str, starting: bool) -> None:
    desk = Desk()
    desk.inspector.judge = None
    found = desk.gatekeeper.screen(method.encode(), target.encode(), ())
    assert (found == answers.STARTING) is starting
    desk.inspector.judge = desk.judge
    assert isinstance(desk.gatekeeper.screen(method.encode(), target.encode(), ()), Match)


@pytest.mark.parametrize("target", ["POST /image", "GET /image/download?url=http://h/a.png"])
async def test_a_judge_that_is_gone_when_the_body_is_there(target: str) -> None:
    desk = Desk()
    method, path = target.encode().split()
    found = desk.gatekeeper.screen(method, path, ())
    assert isinstance(found, Match)
    desk.inspector.judge = None
    headers, body = form(b"one")
    inbound = Inbound(method, path, [(b"Content-Type", headers["Content-Type"].encode())], body)
    assert await desk.gatekeeper.decide(found, inbound, lambda _: True) == answers.STARTING


# Beside each other, and in the log


async def test_the_log_holds_nothing_of_the_request(caplog: pytest.LogCaptureFixture) -> None:
    """No header, no query, no file name and no address: not for what passes, what is refused, and what fails."""
    caplog.set_level(0)
    secret = "s3cr3t"
    header = (b"Cookie", secret.encode())
    name = (b"Range", secret.encode())
    desk = Desk()
    for data in (b"one", FORBIDDEN):
        await desk.upload(data, filename=f"{secret}.png", headers=(header, name))
    await desk.download(f"http://h/{secret}?{secret}")
    await desk.ask("GET", f"/image/original/{secret}.png", header, name)
    await desk.ask("GET", f"/image/original/a.png?{secret}", header)
    await desk.ask("GET", f"/{secret}", header)
    await desk.ask("POST", "/image", (b"Content-Type", f"multipart/form-data; boundary={secret}".encode()), body=b"x")
    real = RemoteFetcher(Fetch(), 1)
    hidden = Desk(fetcher=real)
    for url in (f"http://127.0.0.1/{secret}", f"ftp://{secret}/", f"http://{secret}@h/", f"http://h:9/{secret}"):
        assert status_of(await hidden.download(url)) == 400
    await real.close()
    assert len(desk.decisions) == 3
    assert sum(message.startswith("fetch failed: ") for message in caplog.messages) == 1  # the rest is not asked
    assert secret not in caplog.text


async def test_requests_are_decided_side_by_side() -> None:
    """One that waits for its verdict holds up no other."""
    turn = asyncio.Event()

    class Slow(FakeJudge):
        async def judge(
            self, data: bytes, deadline: float, origin: Origin | None = None, came_as: str | None = None
        ) -> Verdict:
            if data == b"slow":
                await turn.wait()
            else:
                turn.set()
            return await super().judge(data, deadline)

    desk = Desk(Slow())
    slow, quick = await asyncio.gather(desk.upload(b"slow"), desk.upload(b"quick"))
    assert (sent(slow), sent(quick)) == ([b"slow"], [b"quick"])
