"""`normalise: true`: what reaches pict-rs is the new file, on every way in, and it is what was judged."""

from __future__ import annotations

import hashlib
import io
import time

import pytest
from PIL import Image

from addons.fetch.staging import Staged, Unchanged
from addons.inspection import Passed
from addons.pictrs import answers, multipart
from model.card import card
from model.verdict import Outcome, Verdict
from tests.addons.desk import SEAL, SETTINGS, Desk, SetJudge, sent, status_of
from tests.http1 import upload
from tests.model.samples import ANIMATIONS, encode, picture
from tests.recorder import Recorder
from tests.running import FORBIDDEN, FakeJudge, RunningFilter, config

URL = "http://example.org/a.png"
MIB = 1024 * 1024
SECRET = b"52.5163 N, 13.3777 E"


class Renewing(FakeJudge):
    """Encodes a file anew by turning it round; `failure` is the verdict where it cannot."""

    def __init__(self, failure: Verdict | None = None) -> None:
        super().__init__()
        self.failure = failure
        self.deadlines: list[float] = []

    async def normalised(self, data: bytes, deadline: float) -> bytes | Verdict:
        self.deadlines.append(deadline)
        return self.failure or data[::-1]


def failure(outcome: Outcome) -> Verdict:
    return Verdict(outcome, Outcome.UNAVAILABLE, "decoder", "decoder", hashlib.sha256(b"one").hexdigest(), 3)


async def test_uploads_send_what_was_judged() -> None:
    desk = Desk(judge := Renewing())
    assert sent(await desk.upload(b"one", b"two")) == [b"eno", b"owt"]
    assert judge.seen == [b"eno", b"owt"]
    assert judge.came_as == [hashlib.sha256(data).hexdigest() for data in (b"one", b"two")], "lists may know these"


async def test_imports_and_downloads_send_what_was_judged() -> None:
    settings = SETTINGS.model_copy(update={"internal_api": ("import",)})
    desk = Desk(Renewing(), b"fetched", settings)
    assert sent(await desk.upload(b"one", target="/internal/import", filename="a.png")) == [b"eno"]
    assert sent(await desk.download()) == [b"dehctef"]


async def test_proxied_media_are_what_was_judged_and_are_known_by_it() -> None:
    desk = Desk(Renewing(), b"fetched")
    first = await desk.staging.answer(SEAL.token(URL), None)
    assert isinstance(first, Staged)
    assert first.data == b"dehctef"
    again = await desk.staging.answer(SEAL.token(URL), first.etag)
    assert isinstance(again, Unchanged)


async def test_it_is_the_new_file_that_is_judged() -> None:
    desk = Desk(Renewing())
    assert status_of(await desk.upload(FORBIDDEN[::-1])) == 400
    assert sent(await desk.upload(FORBIDDEN)) == [FORBIDDEN[::-1]]


async def test_both_have_one_deadline() -> None:
    desk = Desk(judge := Renewing())
    await desk.inspector.inspect("fetch", b"one", 123.5)
    assert judge.deadlines == [123.5]


async def test_without_a_new_file_nothing_goes_on() -> None:
    desk = Desk(judge := Renewing(failure(Outcome.UNAVAILABLE)))
    answer = await desk.upload(b"one")
    assert answer == answers.unavailable(desk.decisions[0].ref)
    assert judge.seen == []
    assert desk.decisions[0].verdict is judge.failure


async def test_where_the_operator_lets_a_failure_pass_it_goes_on_as_it_came() -> None:
    desk = Desk(judge := Renewing(failure(Outcome.PASS)))
    assert sent(await desk.upload(b"one")) == [b"one"]
    assert judge.seen == []
    assert desk.inspector.unscanned == 1


async def test_what_pict_rs_has_already_is_judged_as_it_lies_there() -> None:
    desk = Desk(judge := Renewing())
    found = await desk.inspector.inspect("hook", b"one", time.monotonic() + 5)
    assert isinstance(found, Passed)
    assert (found.data, judge.seen, judge.deadlines) == (b"one", [b"one"], [])


async def test_a_verdict_on_more_than_the_new_file_is_a_fault_of_ours() -> None:
    class Short(SetJudge):
        async def normalised(self, data: bytes, deadline: float) -> bytes | Verdict:
            return b"x"

    desk = Desk(Short(size=2))
    with pytest.raises(ValueError, match="2 bytes of 1"):
        await desk.inspector.inspect("upload", b"long enough", time.monotonic() + 5)


def files_at(recorder: Recorder) -> list[bytes]:
    """The files that reached it, in order."""
    found: list[bytes] = []
    for request in recorder.requests:
        types = [value.encode() for name, value in request.headers if name.lower() == "content-type"]
        if types:
            parts = multipart.parse(types, request.body, max_files=9, max_file_bytes=4 * MIB)
            found += [part.data for part in parts]
    return found


def test_from_end_to_end(recorder: Recorder) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, SECRET.decode()
    still = encode(picture(), "JPEG", exif=exif.tobytes()) + b"PK\x03\x04 a zip"
    animation = ANIMATIONS["gif-animated"]()
    with RunningFilter(config(recorder.address, normalise=True)) as gate:
        assert upload(gate.address, still).status == 201
        assert upload(gate.address, still).status == 201
        assert upload(gate.address, animation).status == 201
        assert upload(gate.address, card()).status == 400
        assert upload(gate.address, still[:300]).status == 400
        passed = [decision.verdict for decision in gate.decisions if decision.verdict.outcome is Outcome.PASS]
    files = files_at(recorder)
    assert [hashlib.sha256(data).hexdigest() for data in files] == [verdict.sha256 for verdict in passed]
    assert files[0] == files[1] != still
    assert files[2] == animation
    assert SECRET not in files[0]
    assert b"zip" not in files[0]
    assert Image.open(io.BytesIO(files[0])).size == (40, 48)
