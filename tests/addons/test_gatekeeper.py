"""The gatekeeper by itself: what each verdict leads to, what goes on to pict-rs, and what the log keeps."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from typing import Any

import pytest

from addons.fetch.remote import FetchError, FetchTimeout, RemoteFetcher
from addons.gatekeeper import Decision, Forward, Gatekeeper, Inbound
from addons.pictrs import answers, multipart
from addons.pictrs.answers import Answer
from addons.pictrs.routes import Match
from config.settings import Fetch, Limits, Settings
from model.verdict import Outcome, Verdict
from tests.http1 import form
from tests.running import FORBIDDEN, FakeJudge

SETTINGS = Settings(limits=Limits(max_files=3, max_file_mib=1, max_request_mib=2), deadline_seconds=5)
MIB = 1024 * 1024


class FakeFetcher(RemoteFetcher):
    """Gives the same bytes for every address, or raises. Nothing of the real one is at work."""

    def __init__(self, found: bytes | FetchError = b"fetched") -> None:
        self.asked: list[tuple[str, float]] = []
        self._found = found

    async def fetch(self, url: str, deadline: float) -> bytes:
        self.asked.append((url, deadline))
        if isinstance(self._found, FetchError):
            raise self._found
        return self._found


class SetJudge(FakeJudge):
    """Gives one verdict, with some fields changed, and notes the deadlines."""

    def __init__(self, **fields: Any) -> None:
        super().__init__()
        self.deadlines: list[float] = []
        self._fields = fields

    async def judge(self, data: bytes, deadline: float) -> Verdict:
        self.deadlines.append(deadline)
        return replace(await super().judge(data, deadline), **self._fields)


class Desk:
    """A gatekeeper with a fake judge and a fake fetcher, and what it decided."""

    def __init__(self, judge: FakeJudge | None = None, found: bytes | FetchError = b"fetched") -> None:
        self.decisions: list[Decision] = []
        self.fetcher = FakeFetcher(found)
        self.gatekeeper = Gatekeeper(SETTINGS, self.fetcher, self.decisions.append)
        self.judge = judge or FakeJudge()
        self.gatekeeper.judge = self.judge

    async def ask(self, method: str, target: str, *headers: tuple[bytes, bytes], body: bytes = b"") -> Forward | Answer:
        inbound = Inbound(method.encode(), target.encode(), headers, body)
        found = self.gatekeeper.screen(inbound.method, inbound.target, inbound.headers)
        return found if isinstance(found, Answer) else await self.gatekeeper.decide(found, inbound)

    async def upload(
        self, *files: bytes, target: str = "/image", filename: str = "picture", headers: tuple[Any, ...] = ()
    ) -> Forward | Answer:
        own, body = form(*files, filename=filename)
        return await self.ask("POST", target, (b"Content-Type", own["Content-Type"].encode()), *headers, body=body)

    async def download(self, url: str = "http%3A%2F%2Fexample.org%2Fa.png") -> Forward | Answer:
        return await self.ask("GET", f"/image/download?url={url}")


def sent(forward: Forward | Answer) -> list[bytes]:
    """The files in a request for pict-rs, read as strictly as ours are; and its length, which must be true."""
    assert isinstance(forward, Forward)
    headers = dict(forward.headers)
    assert headers[b"Content-Length"] == str(len(forward.body)).encode()
    parts = multipart.parse([headers[b"Content-Type"]], forward.body, max_files=9, max_file_bytes=4 * MIB)
    return [part.data for part in parts]


def status_of(answer: Forward | Answer) -> int:
    assert isinstance(answer, Answer)
    return answer.status


# What goes on


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


@pytest.mark.parametrize("size", [256 * 1024 - 400, 256 * 1024 + 1])
async def test_large_bodies_are_read_and_written_alike(size: int) -> None:
    """From OFF_LOOP_BYTES on that is done in a thread."""
    data = bytes(range(256)) * (size // 256)
    assert sent(await Desk().upload(data)) == [data]


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
    [("POST /image", 2 * MIB), ("GET /image/download?url=http://h/", 0), ("GET /healthz", 0)],
)
def test_how_much_body_a_request_may_have(target: str, limit: int) -> None:
    method, path = target.encode().split()
    desk = Desk()
    found = desk.gatekeeper.screen(method, path, ())
    assert isinstance(found, Match)
    assert desk.gatekeeper.body_limit(found) == limit


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
    desk.gatekeeper.judge = None
    found = desk.gatekeeper.screen(method.encode(), target.encode(), ())
    assert (found == answers.STARTING) is starting
    desk.gatekeeper.judge = desk.judge
    assert isinstance(desk.gatekeeper.screen(method.encode(), target.encode(), ()), Match)


@pytest.mark.parametrize("target", ["POST /image", "GET /image/download?url=http://h/a.png"])
async def test_a_judge_that_is_gone_when_the_body_is_there(target: str) -> None:
    desk = Desk()
    method, path = target.encode().split()
    found = desk.gatekeeper.screen(method, path, ())
    assert isinstance(found, Match)
    desk.gatekeeper.judge = None
    headers, body = form(b"one")
    inbound = Inbound(method, path, [(b"Content-Type", headers["Content-Type"].encode())], body)
    assert await desk.gatekeeper.decide(found, inbound) == answers.STARTING


# Verdicts

PASS, REJECT, UNAVAILABLE = Outcome.PASS, Outcome.REJECT, Outcome.UNAVAILABLE


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"outcome": PASS, "strict": PASS, "rule": "grey"}, id="logged"),
        pytest.param({"outcome": PASS, "strict": REJECT, "rule": "bad"}, id="shadow"),
        pytest.param({"outcome": PASS, "strict": UNAVAILABLE, "cause": "decoder", "rule": "decoder"}, id="unscanned"),
        pytest.param({"mime": "application/octet-stream", "media": None}, id="type-not-known"),
    ],
)
async def test_verdicts_that_let_pass(fields: dict[str, Any]) -> None:
    assert sent(await Desk(SetJudge(**fields)).upload(b"one")) == [b"one"]


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        pytest.param({"outcome": REJECT, "rule": "bad"}, 400, "rejected by this server", id="rejected"),
        pytest.param({"outcome": REJECT, "rule": None}, 400, "rejected by this server", id="rejected-by-no-rule"),
        pytest.param({"outcome": REJECT, "cause": "undecodable"}, 400, "broken or incomplete", id="undecodable"),
        pytest.param({"outcome": REJECT, "cause": "unsupported"}, 400, "not accepted here", id="unsupported"),
        pytest.param({"outcome": REJECT, "cause": "too_large"}, 400, "too large to be checked", id="too-large"),
        pytest.param({"outcome": UNAVAILABLE, "cause": "decoder"}, 503, "not available", id="decoder"),
        pytest.param({"outcome": UNAVAILABLE, "cause": "deadline"}, 503, "not available", id="deadline"),
        pytest.param({"outcome": UNAVAILABLE}, 503, "not available", id="unavailable-without-a-cause"),
        pytest.param({"outcome": "pass"}, 503, "not available", id="a-text-in-place-of-the-outcome"),
        pytest.param({"outcome": None}, 503, "not available", id="no-outcome"),
        pytest.param({"outcome": True}, 503, "not available", id="a-truth"),
    ],
)
async def test_verdicts_that_refuse(fields: dict[str, Any], status: int, words: str) -> None:
    desk = Desk(SetJudge(**fields))
    answer = await desk.upload(b"one")
    assert isinstance(answer, Answer)
    assert answer.status == status
    assert words in answer.msg
    assert f"(ref {desk.decisions[0].ref})" in answer.msg


async def test_a_rejection_for_a_fault_of_ours_is_told_as_one() -> None:
    answer = await Desk(SetJudge(outcome=REJECT, cause="decoder")).upload(b"one")
    assert isinstance(answer, Answer)
    assert answer.status == 503


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"mime": "image/png\r\nX-Evil: 1"}, id="a-type-with-a-line-break"),
        pytest.param({"mime": None}, id="no-type"),
    ],
)
async def test_verdicts_that_cannot_be_refuse_by_an_error(fields: dict[str, Any]) -> None:
    """intercept.py turns it into a refusal; here no request for pict-rs must come of it."""
    with pytest.raises(ValueError, match="is not a media type"):
        await Desk(SetJudge(**fields)).upload(b"one")


async def test_a_judge_that_raises_sends_nothing() -> None:
    class Broken(FakeJudge):
        async def judge(self, data: bytes, deadline: float) -> Verdict:
            raise RuntimeError("a fault of ours")

    with pytest.raises(RuntimeError):
        await Desk(Broken()).upload(b"one")


# Headers

KEPT = [b"Accept", b"Range", b"If-Range", b"If-Match", b"If-None-Match", b"If-Modified-Since", b"If-Unmodified-Since"]
DROPPED = [
    *[b"Cookie", b"Authorization", b"Proxy-Authorization", b"X-Forwarded-For", b"Forwarded", b"X-Api-Token", b"Host"],
    *[b"Expect", b"Upgrade", b"Connection", b"Keep-Alive", b"TE", b"Trailer", b"Transfer-Encoding", b"Content-Range"],
    *[b"Accept-Encoding", b"User-Agent", b"X-HTTP-Method-Override", b"Content-Disposition", b"Accept\x00", b"Ran ge"],
]


async def test_of_the_client_s_headers_a_table_goes_on() -> None:
    given = [(name, b"value") for name in (*KEPT, *DROPPED, b"Content-Length", b"Content-Type")]
    forward = await Desk().ask("GET", "/image/original/a.png", *given)
    assert isinstance(forward, Forward)
    assert forward.headers == tuple((name.lower(), b"value") for name in KEPT)
    assert forward.body == b""


async def test_an_upload_has_its_own_type_and_length_once() -> None:
    given = ((b"Accept", b"*/*"), (b"content-length", b"0"), (b"Transfer-Encoding", b"chunked"))
    forward = await Desk().upload(b"one", headers=given)
    assert isinstance(forward, Forward)
    assert [name for name, _ in forward.headers] == [b"accept", b"Content-Type", b"Content-Length"]
    assert sent(forward) == [b"one"]


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        pytest.param([b"bytes=0-1", b"bytes=2-3"], b"bytes=0-1", id="the-first-of-two"),
        pytest.param([b"a\r\nX: y", b"bytes=2-3"], b"bytes=2-3", id="the-first-that-is-clean"),
        *[
            pytest.param([b"a" + bytes([byte]) + b"b"], kept, id=f"byte-{byte:02x}")
            for byte, kept in {
                **dict.fromkeys((0x00, 0x08, 0x0A, 0x0B, 0x0D, 0x1F, 0x7F, 0x80, 0xFF)),
                0x09: b"a\tb",
                0x20: b"a b",
                0x7E: b"a~b",
            }.items()
        ],
        pytest.param([b""], b"", id="empty"),
    ],
)
async def test_the_value_of_a_header(values: list[bytes], kept: bytes | None) -> None:
    names = (b"Range", b"rANGE")
    forward = await Desk().ask("GET", "/image/original/a.png", *zip(names, values, strict=False))
    assert isinstance(forward, Forward)
    assert forward.headers == (() if kept is None else ((b"range", kept),))


# The log


async def test_what_passes_unseen_is_counted_and_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pictrs_filter")
    unseen = {"outcome": PASS, "strict": UNAVAILABLE, "rule": "deadline", "cause": "deadline", "detail": "too slow"}
    desk = Desk(SetJudge(**unseen))
    await desk.upload(b"one", b"two")
    assert desk.gatekeeper.unscanned == 2
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    first, second = (decision.ref for decision in desk.decisions)
    assert warnings == [
        f"ref={first} passed without a verdict (deadline); 1 so far",
        f"ref={second} passed without a verdict (deadline); 2 so far",
    ]


@pytest.mark.parametrize("fields", [{}, {"outcome": PASS, "strict": REJECT, "rule": "bad"}, {"outcome": REJECT}])
async def test_what_was_judged_is_not_counted_as_unseen(
    caplog: pytest.LogCaptureFixture, fields: dict[str, Any]
) -> None:
    desk = Desk(SetJudge(**fields))
    await desk.upload(b"one")
    assert desk.gatekeeper.unscanned == 0
    assert caplog.records == []


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        pytest.param({}, "source=upload outcome=pass rule=- type=jpeg bytes=3 views=1 fake=0.500 ms={ms}", id="passes"),
        pytest.param(
            {"strict": REJECT, "rule": "bad", "detail": "x is high", "scores": {"a": 1.0, "b": 0.25}, "views": 2},
            "source=upload outcome=pass (would be reject) rule=bad type=jpeg bytes=3 views=2 a=1.000 b=0.250 ms={ms} "
            "(x is high)",
            id="shadow",
        ),
        pytest.param(
            {"outcome": REJECT, "strict": REJECT, "cause": "unsupported", "rule": "unsupported", "media": None}
            | {"scores": {}, "views": 0},
            "source=upload outcome=reject rule=unsupported type=- bytes=3 views=0 ms={ms}",
            id="not-judged",
        ),
    ],
)
async def test_the_line_of_a_verdict(caplog: pytest.LogCaptureFixture, fields: dict[str, Any], line: str) -> None:
    caplog.set_level(logging.INFO, "pictrs_filter")
    desk = Desk(SetJudge(**fields))
    await desk.upload(b"one")
    (decision,) = desk.decisions
    assert caplog.messages == [f"ref={decision.ref} " + line.format(ms=decision.ms)]


async def test_refs_differ() -> None:
    desk = Desk()
    await desk.upload(b"one", b"two", b"three")
    assert len({decision.ref for decision in desk.decisions}) == 3


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
    desk.gatekeeper = Gatekeeper(SETTINGS, real, desk.decisions.append)
    desk.gatekeeper.judge = desk.judge
    for url in (f"http://127.0.0.1/{secret}", f"ftp://{secret}/", f"http://{secret}@h/", f"http://h:9/{secret}"):
        assert status_of(await desk.download(url)) == 400
    await real.close()
    assert len(desk.decisions) == 3
    assert sum(message.startswith("fetch failed: ") for message in caplog.messages) == 4
    assert secret not in caplog.text


async def test_requests_are_decided_side_by_side() -> None:
    """One that waits for its verdict holds up no other."""
    turn = asyncio.Event()

    class Slow(FakeJudge):
        async def judge(self, data: bytes, deadline: float) -> Verdict:
            if data == b"slow":
                await turn.wait()
            else:
                turn.set()
            return await super().judge(data, deadline)

    desk = Desk(Slow())
    slow, quick = await asyncio.gather(desk.upload(b"slow"), desk.upload(b"quick"))
    assert (sent(slow), sent(quick)) == ([b"slow"], [b"quick"])
