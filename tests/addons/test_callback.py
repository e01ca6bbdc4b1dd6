"""The desk for pict-rs's own calls, by itself: which there are, and the words of each answer."""

from __future__ import annotations

import time

import pytest

from addons.callback import FRAME_BYTES, VALID, Call, Callback, Errand, Reply
from addons.fetch.reading import NotModified
from addons.fetch.seal import Seal
from addons.fetch.staging import FAILED_SECONDS, UNCHANGED_SECONDS
from addons.inbound import Inbound
from addons.inspection import Decision, Inspector
from addons.loop import LOOP_HEADER, LoopGuard
from addons.pictrs import answers
from addons.pictrs.answers import Answer
from model.verdict import Outcome
from tests.addons.desk import MIB, SETTINGS, SetJudge
from tests.addons.fetch.staged import SEAL, URL, Result, Stage, picture
from tests.addons.pictrs.test_validation import SENT_BY_048, SENT_BY_0525, SENT_BY_06RC6
from tests.running import FORBIDDEN, FakeJudge

TOKEN = SEAL.token(URL)
STAGED = f"/v/{TOKEN}".encode()
IMAGE = (b"Content-Type", b"image/png")
TYPES_OF_06 = [b"image/png", b"multipart/form-data; boundary=" + b"-".join([b"0123456789abcdef"] * 4)]


class Room:
    """The desk, with a fake judge and a staging whose fetches end as a test says."""

    def __init__(self, judge: FakeJudge | None = None) -> None:
        self.stage = Stage()
        self.decisions: list[Decision] = []
        self.inspector = Inspector(self.decisions.append)
        self.judge = self.inspector.judge = judge or FakeJudge()
        self.callback = Callback(SETTINGS, self.stage.staging, self.inspector, LoopGuard(SEAL.instance))

    async def ask(
        self, method: bytes, target: bytes, *headers: tuple[bytes, bytes], body: bytes = b""
    ) -> Reply | Answer:
        found = self.callback.screen(method, target, headers)
        if isinstance(found, Answer):
            return found
        return await self.callback.decide(found, Inbound(method, target, headers, body), lambda _: True)

    async def get(self, result: Result, *etags: str) -> Reply | Answer:
        """A staged address, when the fetch has this result."""
        self.stage.retrieval.result = result
        return await self.ask(b"GET", STAGED, *((b"If-None-Match", etag.encode("latin-1")) for etag in etags))


# What may be asked


@pytest.mark.parametrize("mark", ["", "-fetch"])
@pytest.mark.parametrize(("method", "target"), [(b"GET", STAGED), (b"POST", b"/validate")])
async def test_the_filter_does_not_ask_itself(method: bytes, target: bytes, mark: str) -> None:
    """A staged address that leads to another one, and so on: each would take a place."""
    room = Room()
    header = (LOOP_HEADER, (SEAL.instance + mark).encode())
    assert await room.ask(method, target, (LOOP_HEADER, b"other"), header) == answers.LOOP
    assert room.stage.retrieval.fetches == []


@pytest.mark.parametrize(
    ("method", "target"),
    [
        (b"HEAD", STAGED),
        (b"POST", STAGED),
        (b"get", STAGED),
        (b"GET", STAGED + b"?x"),
        (b"GET", STAGED + b"/"),
        (b"GET", STAGED + b"#x"),
        (b"GET", b"/v/"),
        (b"GET", b"/v"),
        (b"GET", b"/v/%41"),
        (b"GET", b"//v/A"),
        (b"GET", b"/V/A"),
        (b"GET", b"/v/a.b"),
        (b"GET", b"/v/" + b"A" * 16385),
        (b"GET", b"/v/A\n"),
        (b"GET", b"http://h/v/A"),
        (b"GET", b"/validate"),
        (b"PUT", b"/validate"),
        (b"POST", b"/validate/"),
        (b"POST", b"/validate?x=1"),
        (b"POST", b"/Validate"),
        (b"POST", b"/image"),
        (b"GET", b"/image/original/a.png"),
        (b"POST", b"/internal/purge?alias=a"),
        (b"GET", b"/healthz"),
        (b"GET", b"/"),
    ],
)
def test_everything_else_is_a_404(method: bytes, target: bytes) -> None:
    found = Room().callback.screen(method, target, ())
    assert isinstance(found, Answer)
    assert found.status == 404


def test_two_calls_are_known() -> None:
    callback = Room().callback
    assert callback.screen(b"GET", STAGED, ()) == Call(Errand.STAGED, TOKEN)
    assert callback.screen(b"POST", b"/validate", ()) == Call(Errand.VALIDATE)
    assert callback.screen(b"GET", b"/v/" + b"A" * 16384, ()) == Call(Errand.STAGED, "A" * 16384)


def test_what_each_may_bring_and_take() -> None:
    """A staged address has no body, and gets its place when it is fetched."""
    callback = Room().callback
    staged, validate = Call(Errand.STAGED, TOKEN), Call(Errand.VALIDATE)
    assert (callback.body_limit(staged), callback.share(staged)) == (0, None)
    assert (callback.body_limit(validate), callback.share(validate)) == (MIB + FRAME_BYTES, 1.0)


# Staged addresses


async def test_bytes_come_with_their_type_and_are_asked_for_again_at_once() -> None:
    reply = await Room().get(picture(b"one"))
    assert isinstance(reply, Reply)
    assert (reply.status, reply.body) == (200, b"one")
    headers = dict(reply.headers)
    etag = headers.pop(b"ETag").decode()
    assert headers == {b"Content-Type": b"image/jpeg", b"Content-Length": b"3", b"Cache-Control": b"max-age=0"}
    stamp = SEAL.stamp(URL, etag)
    assert stamp is not None
    assert len(dict(reply.headers)) == len(reply.headers)


async def test_unjudged_bytes_have_no_etag() -> None:
    reply = await Room().get(picture(cause="decoder"))
    assert isinstance(reply, Reply)
    assert {name for name, _ in reply.headers} == {b"Content-Type", b"Content-Length", b"Cache-Control"}


async def given() -> str:
    """The ETag that pict-rs was given with the picture."""
    reply = await Room().get(picture())
    assert isinstance(reply, Reply)
    return dict(reply.headers)[b"ETag"].decode()


@pytest.mark.parametrize(
    ("result", "seconds"), [(NotModified(), UNCHANGED_SECONDS), (answers.STARTING, FAILED_SECONDS)]
)
async def test_unchanged_has_no_body_and_no_length(result: Result, seconds: int) -> None:
    """pict-rs 0.6 takes max-age from a 304 alone, as a plain number behind `max-age=` in lower case."""
    etag = await given()
    reply = await Room().get(result, etag)
    assert isinstance(reply, Reply)
    assert (reply.status, reply.body) == (304, b"")
    assert reply.headers == ((b"Cache-Control", b"max-age=%d" % seconds), (b"ETag", etag.encode()))


async def test_two_etags_are_none() -> None:
    etag = await given()
    room = Room()
    reply = await room.get(picture(), etag, etag)
    assert isinstance(reply, Reply)
    assert reply.status == 200
    assert room.stage.retrieval.fetches[0].known is None


@pytest.mark.parametrize("answer", [answers.rejected("7f3a9c00"), answers.OVERLOADED, answers.not_fetched("No.")])
async def test_a_refusal_is_an_answer_of_ours(answer: Answer) -> None:
    assert await Room().get(answer) == answer


async def test_an_address_that_was_not_sealed_here() -> None:
    room = Room()
    for token in ("A" * 60, Seal(bytes(32)).token(URL)):
        answer = await room.ask(b"GET", f"/v/{token}".encode())
        assert isinstance(answer, Answer)
        assert answer.status == 404
    assert room.stage.retrieval.fetches == []


# /validate


def form(data: bytes) -> bytes:
    """The body of pict-rs 0.6 (see test_validation.py for the very bytes)."""
    delimiter = b"--" + TYPES_OF_06[1].partition(b"=")[2]
    head = b"Content-Disposition: form-data; name*=utf-8''01%2Fa2%2F4cfe.png"
    return delimiter + b"\r\n" + head + b"\r\n\r\n" + data + b"\r\n" + delimiter + b"--\r\n"


async def validate(room: Room, data: bytes, shape: str) -> Reply | Answer:
    if shape == "form":
        types = [(b"content-type", each) for each in TYPES_OF_06]
        return await room.ask(b"POST", b"/validate", *types, body=form(data))
    return await room.ask(b"POST", b"/validate", IMAGE, body=data)


SHAPES = pytest.mark.parametrize("shape", ["bytes", "form"])


@SHAPES
async def test_a_file_that_passes_is_valid(shape: str) -> None:
    room = Room()
    reply = await validate(room, b"one", shape)
    assert isinstance(reply, Reply)
    assert (reply.status, reply.body) == (200, VALID)
    assert dict(reply.headers) == {b"Content-Type": b"application/json", b"Content-Length": b"%d" % len(VALID)}
    assert room.judge.seen == [b"one"]
    assert [decision.source for decision in room.decisions] == ["hook"]


@SHAPES
async def test_a_file_that_is_refused_is_not(shape: str) -> None:
    room = Room()
    answer = await validate(room, FORBIDDEN, shape)
    assert answer == answers.rejected(room.decisions[0].ref)


@SHAPES
async def test_a_file_with_something_behind_its_end_is_not(shape: str) -> None:
    """pict-rs would keep all of it, and the judge has looked at less."""
    room = Room(SetJudge(size=3))
    answer = await validate(room, b"one and more", shape)
    assert answer == answers.bad_request("a file with something behind its end")
    assert room.decisions[0].verdict.outcome is Outcome.PASS


@SHAPES
async def test_the_largest_file(shape: str) -> None:
    room = Room()
    assert isinstance(await validate(room, bytes(MIB), shape), Reply)
    answer = await validate(room, bytes(MIB + 1), shape)
    assert isinstance(answer, Answer)
    assert answer.status == 400
    assert len(room.judge.seen) == 1


async def test_what_pict_rs_sends_fits_into_the_limit() -> None:
    """The frame around the largest file is far smaller than what is allowed for it."""
    assert len(form(b"")) < FRAME_BYTES
    assert max(map(len, (SENT_BY_048, SENT_BY_0525, SENT_BY_06RC6))) < FRAME_BYTES


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        pytest.param((), b"one", 415, id="no-type"),
        pytest.param(((b"Content-Type", b"text/html"),), b"one", 415, id="another-type"),
        pytest.param((IMAGE,), b"", 400, id="empty"),
        pytest.param((IMAGE, (b"Content-Type", TYPES_OF_06[1])), b"one", 400, id="no-form"),
        pytest.param((IMAGE, IMAGE), b"one", 415, id="two-types"),
        pytest.param((IMAGE, (b"Content-Encoding", b"gzip")), b"one", 415, id="coded"),
        pytest.param((IMAGE, (b"content-ENCODING", b"identity")), b"one", 415, id="coded-in-no-way"),
    ],
)
async def test_another_shape_is_refused_and_not_judged(
    headers: tuple[tuple[bytes, bytes], ...], body: bytes, status: int
) -> None:
    room = Room()
    answer = await room.ask(b"POST", b"/validate", *headers, body=body)
    assert isinstance(answer, Answer)
    assert answer.status == status
    assert room.judge.seen == []


async def test_without_a_judge_nothing_is_valid() -> None:
    room = Room()
    found = room.callback.screen(b"POST", b"/validate", (IMAGE,))
    assert isinstance(found, Call)
    room.inspector.judge = None
    assert room.callback.screen(b"POST", b"/validate", (IMAGE,)) == answers.STARTING  # before a body is read
    assert await validate(room, b"one", "bytes") == answers.STARTING
    inbound = Inbound(b"POST", b"/validate", (IMAGE,), b"one")
    assert await room.callback.decide(found, inbound, lambda _: True) == answers.STARTING  # gone in between


async def test_a_judge_who_could_not_tell() -> None:
    answer = await validate(Room(SetJudge(outcome=None)), b"one", "bytes")
    assert isinstance(answer, Answer)
    assert answer.status == 503


async def test_a_verdict_has_a_deadline() -> None:
    judge = SetJudge()
    before = time.monotonic()
    await validate(Room(judge), b"one", "bytes")
    assert before + 5 <= judge.deadlines[0] <= time.monotonic() + 5
