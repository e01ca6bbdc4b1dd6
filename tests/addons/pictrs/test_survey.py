"""What the filter finds out about the pict-rs behind it: four lines of versions, one that does not ask, one that is
not there, and one that changes. Answers as the real programs gave them (tests/real asks those).
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator

import pytest

from addons.pictrs import asking
from addons.pictrs import survey as room
from addons.pictrs.askback import ALLOW_LOCAL
from addons.pictrs.survey import Survey
from tests.addons.fetch.staged import BASE, Stage, settle
from tests.addons.pictrs.surveyed import LOCAL, NOT_REACHED, REACHED, PictRs, another_look, rounds, surveyed, until
from tests.http1 import Request, write_answer
from tests.ports import closed_address
from tests.recorder import Recorder


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks again without a pause."""
    monkeypatch.setattr(room, "SILENT_SECONDS", 0.01)
    monkeypatch.setattr(room, "AGAIN_SECONDS", 0.01)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[list[tuple[int, str]]]:
    """(level, line) of what was logged, growing."""
    found: list[tuple[int, str]] = []
    caplog.set_level(logging.INFO, "pictrs_filter")

    class Note(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append((record.levelno, record.getMessage()))

    handler = Note()
    logging.getLogger("pictrs_filter").addHandler(handler)
    yield found
    logging.getLogger("pictrs_filter").removeHandler(handler)


# The line of versions


@pytest.mark.parametrize("line", ["0.3", "0.4"])
async def test_an_old_line_needs_no_probe(log: list[tuple[int, str]], line: str) -> None:
    pict_rs = PictRs(line)
    pict_rs.stage.staging.blocked = "an earlier reason"
    with Recorder(pict_rs) as recorder:
        async with surveyed(recorder.url, pict_rs.stage) as survey:
            await until(lambda: log and pict_rs.stage.staging.blocked is None)
            assert survey.line == line
        assert not [request for request in recorder.requests if "proxy" in request.target]
    ((level, said),) = log
    assert level == logging.INFO
    assert said.startswith(f"upstream is pict-rs {line}: ")
    assert "no proxied media" in said


@pytest.mark.parametrize("line", ["0.5", "0.6"])
async def test_a_new_line_is_made_to_ask(log: list[tuple[int, str]], line: str) -> None:
    pict_rs = PictRs(line)
    with Recorder(pict_rs) as recorder:
        async with surveyed(recorder.url, pict_rs.stage) as survey:
            await until(lambda: len(log) == 2)
            assert (survey.line, pict_rs.stage.staging.blocked) == (line, None)
    assert [level for level, _ in log] == [logging.INFO, logging.INFO]
    assert log[0][1].startswith(f"upstream is pict-rs {line}: ")
    assert log[1][1] == f"proxied media: pict-rs asks the filter for them at {BASE}"


async def test_its_questions_change_nothing_and_carry_no_key() -> None:
    pict_rs = PictRs("0.6")
    with Recorder(pict_rs) as recorder:
        async with surveyed(recorder.url, pict_rs.stage):
            await until(lambda: len(recorder.requests) >= 5)
        assert {(request.method, request.body) for request in recorder.requests} == {("GET", b"")}
        assert [request.target.partition("?")[0] for request in recorder.requests] == [
            "/healthz",
            "/image/details/original/pictrs-filter-asks.png",
            "/image/original",
            "/image/original/pictrs-filter-asks.png",
            "/image/original",
        ]
        assert not any(request.header(name) for request in recorder.requests for name in ("x-api-token", "cookie"))


# A pict-rs that does not ask


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(
            LOCAL, f"pict-rs refuses to ask the filter at {BASE}: start pict-rs with {ALLOW_LOCAL}", id="local"
        ),
        pytest.param(
            NOT_REACHED,
            f"pict-rs did not reach the filter at {BASE} (it said: Connection refused (os error 111)): set "
            "callback.url to the address under which pict-rs reaches callback.listen",
            id="not-reached",
        ),
        pytest.param(
            (502, None), f"pict-rs did not reach the filter at {BASE} (it said: 502): set callback.url ", id="mute"
        ),
        pytest.param((500, "x" * 999), f"(it said: {'x' * 200}): set callback.url ", id="talkative"),
    ],
)
async def test_what_to_do_is_said_once(log: list[tuple[int, str]], answer: tuple[int, str | None], words: str) -> None:
    pict_rs = PictRs("0.5", answer, asks=False)  # type: ignore[arg-type]
    with Recorder(pict_rs) as recorder:
        async with surveyed(recorder.url, pict_rs.stage):
            await until(lambda: pict_rs.stage.staging.blocked)
            assert words in str(pict_rs.stage.staging.blocked)
            await another_look(recorder)
    assert [level for level, _ in log] == [logging.INFO, logging.WARNING]
    assert log[1][1] == f"proxied media are refused for now: {pict_rs.stage.staging.blocked}"


async def test_it_is_looked_at_again_until_it_asks(log: list[tuple[int, str]]) -> None:
    pict_rs = PictRs("0.5", LOCAL, asks=False)
    with Recorder(pict_rs) as recorder:
        async with surveyed(recorder.url, pict_rs.stage):
            await until(lambda: pict_rs.stage.staging.blocked)
            pict_rs.asks, pict_rs.proxied = True, REACHED
            await until(lambda: pict_rs.stage.staging.blocked is None and len(log) == 3)
            looks = rounds(recorder)
            await asyncio.sleep(0.05)
            assert rounds(recorder) == looks  # all is well, so it is left alone
    assert [line.partition(":")[0] for _, line in log] == [
        "upstream is pict-rs 0.5",
        "proxied media are refused for now",
        "proxied media",
    ]


async def test_an_answer_without_a_call_is_no_proof() -> None:
    """Whatever status it has: only the call itself is."""
    pict_rs = PictRs("0.5", (200, "ok"), asks=False)
    with Recorder(pict_rs) as recorder:
        async with surveyed(recorder.url, pict_rs.stage):
            await until(lambda: pict_rs.stage.staging.blocked)


async def test_a_call_of_an_earlier_look_is_no_proof() -> None:
    pict_rs = PictRs("0.5", NOT_REACHED, asks=False)
    pict_rs.stage.staging.probed.set()
    with Recorder(pict_rs) as recorder:
        async with surveyed(recorder.url, pict_rs.stage):
            await until(lambda: pict_rs.stage.staging.blocked)


async def test_doubt_makes_it_look_again(log: list[tuple[int, str]]) -> None:
    """pict-rs was started anew with another setting, say."""
    pict_rs = PictRs("0.5")
    with Recorder(pict_rs) as recorder:
        async with surveyed(recorder.url, pict_rs.stage):
            await until(lambda: len(log) == 2)
            pict_rs.asks, pict_rs.proxied = False, LOCAL
            await asyncio.sleep(0.05)
            assert rounds(recorder) == 1
            pict_rs.stage.staging.doubted.set()
            await until(lambda: pict_rs.stage.staging.blocked)
    assert [level for level, _ in log] == [logging.INFO, logging.INFO, logging.WARNING]


async def test_a_doubt_that_is_dispelled_is_over() -> None:
    pict_rs = PictRs("0.5")
    with Recorder(pict_rs) as recorder:
        async with surveyed(recorder.url, pict_rs.stage):
            await until(lambda: rounds(recorder) == 1)
            pict_rs.stage.staging.doubted.set()
            await until(lambda: rounds(recorder) == 2)
            await asyncio.sleep(0.1)
            assert rounds(recorder) == 2


async def test_another_release_is_noticed(log: list[tuple[int, str]]) -> None:
    pict_rs = PictRs("0.4")
    with Recorder(pict_rs) as recorder:
        async with surveyed(recorder.url, pict_rs.stage) as survey:
            await until(lambda: survey.line == "0.4")
            pict_rs.line = "0.6"
            pict_rs.stage.staging.doubted.set()
            await until(lambda: len(log) == 3)
            assert survey.line == "0.6"
    assert log[1][1].startswith("upstream is pict-rs 0.6: ")


# None at all


async def test_one_that_comes_up_later_is_found(log: list[tuple[int, str]]) -> None:
    pict_rs = PictRs("0.5")
    calls = 0

    def late(request: Request) -> bytes | None:
        nonlocal calls
        calls += 1
        return None if calls <= 3 else pict_rs(request)  # it closes without a word

    with Recorder(late) as recorder:
        async with surveyed(recorder.url, pict_rs.stage):
            await until(lambda: len(log) == 3)
        assert [level for level, _ in log] == [logging.WARNING, logging.INFO, logging.INFO]
        assert log[0][1] == f"pict-rs at {recorder.url} does not answer yet (ServerDisconnectedError)"


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_what_a_proxy_in_between_says_is_no_word_of_pict_rs(log: list[tuple[int, str]], status: int) -> None:
    with Recorder(lambda _: write_answer(status)) as recorder:
        async with surveyed(recorder.url, Stage()) as survey:
            await until(lambda: log)
            assert survey.line is None
    assert log == [(logging.WARNING, f"pict-rs at {recorder.url} does not answer yet (ClientConnectionError)")]


@pytest.mark.parametrize(
    "answer", [write_answer(404), write_answer(200, b"<p>hello</p>"), write_answer(404, b'{"error": "not found"}')]
)
async def test_what_is_not_pict_rs_is_told_and_taken_for_no_line(log: list[tuple[int, str]], answer: bytes) -> None:
    """A wrong address in `upstream`. Every pict-rs from 0.3 to 0.6 has a message for details that it does not have."""
    pict_rs, stranger, answers = PictRs("0.5"), True, [True]

    def respond(request: Request) -> bytes | None:
        if request.target == "/healthz":  # a look begins: it hears one of the two from here to its end
            answers[:] = [stranger]
        return answer if answers[0] else pict_rs(request)

    with Recorder(respond) as recorder:
        async with surveyed(recorder.url, pict_rs.stage) as survey:
            await another_look(recorder)
            assert survey.line is None
            place = f"what answers at {recorder.url} is not pict-rs: does `upstream` name the right place?"
            assert log == [(logging.WARNING, place)]
            stranger = False
            await until(lambda: len(log) == 3)  # the probe has ended, too
            assert survey.line == "0.5"


async def test_one_that_never_comes_up_is_told_once(log: list[tuple[int, str]]) -> None:
    stage = Stage()
    with closed_address() as (host, port):
        url = f"http://{host}:{port}"
        async with surveyed(url, stage):
            await until(lambda: log)
            await asyncio.sleep(0.1)
    assert log == [(logging.WARNING, f"pict-rs at {url} does not answer yet (ClientConnectorError)")]
    assert stage.staging.blocked is None  # nothing is known


async def test_one_that_answers_too_slowly_is_as_good_as_none(
    log: list[tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "ASK_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        async with surveyed(url, Stage()):
            await until(lambda: log)
    assert log[0][1].startswith(f"pict-rs at {url} does not answer yet (")


async def test_an_answer_without_end_is_not_read() -> None:
    """Only so much of it; what is not pict-rs's JSON says nothing."""
    pict_rs = PictRs("0.5", (500, "x" * 10 * asking.MAX_ANSWER_BYTES), asks=False)
    with Recorder(pict_rs) as recorder:
        async with surveyed(recorder.url, pict_rs.stage):
            await until(lambda: pict_rs.stage.staging.blocked)
    assert "(it said: 500)" in str(pict_rs.stage.staging.blocked)


@pytest.mark.parametrize("body", [b"[]", b"[1]", b'"msg"', b'{"msg": 5}', b"{", b"[" * 20_000, b"\xff"])
async def test_odd_json_says_nothing(body: bytes) -> None:
    pict_rs = PictRs("0.5", asks=False)

    def odd(request: Request) -> bytes:
        return write_answer(500, body) if "proxy=" in request.target else pict_rs(request)

    with Recorder(odd) as recorder:
        async with surveyed(recorder.url, pict_rs.stage):
            await until(lambda: pict_rs.stage.staging.blocked)
    assert "(it said: 500)" in str(pict_rs.stage.staging.blocked)


async def test_a_survey_that_was_not_started_can_be_closed() -> None:
    await Survey("http://127.0.0.1:1", Stage().staging).close()


async def test_it_ends_in_the_middle_of_a_question() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        async with surveyed(f"http://127.0.0.1:{mute.getsockname()[1]}", Stage()):
            await settle()
