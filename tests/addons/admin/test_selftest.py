"""`pictrs-filter selftest` against a real filter, against none, and against servers that are something else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from addons.admin.selftest import selftest, write
from addons.admin.standin import StandIn
from addons.judges import StartJudge
from addons.launcher import Filter
from config.load import Config
from model.card import card
from tests.http1 import Request, write_answer
from tests.ports import closed_address
from tests.recorder import Recorder
from tests.running import config

Captured = pytest.CaptureFixture[str]


@asynccontextmanager
async def standing_in(folder: Path) -> AsyncIterator[StandIn]:
    stand_in = StandIn(folder / "store")
    await stand_in.start()
    try:
        yield stand_in
    finally:
        await stand_in.close()


@asynccontextmanager
async def filtering(given: Config, start_judge: StartJudge | None = None) -> AsyncIterator[str]:
    """A filter with the embedded model, once it is ready; or with what `start_judge` gives, at once. Gives its URL."""
    running = Filter(given, start_judge=start_judge)
    await running.start()
    try:
        if start_judge is None:
            await running.warm()
        yield "http://{}:{}".format(*running.address)
    finally:
        await running.stop()


def before(upstream: str, **settings: Any) -> Config:
    host, _, port = upstream.removeprefix("http://").partition(":")
    return config((host, int(port)), **settings)


@pytest.fixture
def closed_url() -> Iterator[str]:
    with closed_address() as (host, port):
        yield f"http://{host}:{port}"


@pytest.mark.parametrize("mode", ["enforce", "shadow"])
async def test_a_filter_at_work(tmp_path: Path, capsys: Captured, mode: str) -> None:
    async with standing_in(tmp_path) as stand_in, filtering(before(stand_in.url, mode=mode)) as url:
        assert await selftest(url) == 0
        assert stand_in.stored() == set()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"asking {url}"
    assert lines[1].startswith('  ok      the self-test card was refused: 400 "Image rejected by')
    assert lines[2].startswith("  ok      an ordinary picture passed: 201, stored as ")
    assert lines[3] == "  ok      and was deleted again"
    assert lines[4].startswith("all is well: ")
    assert "shadow" in lines[5]


async def test_no_filter_at_all(tmp_path: Path, capsys: Captured) -> None:
    async with standing_in(tmp_path) as bare:
        assert await selftest(bare.url) == 1
        assert bare.stored() == set()
    said = capsys.readouterr().out
    assert "  FAILED  the self-test card was STORED: no filter is at work at this address" in said
    assert said.endswith("  ok      and was deleted again\n")
    assert "ordinary" not in said


async def test_a_closed_port(capsys: Captured, closed_url: str) -> None:
    assert await selftest(closed_url) == 1
    assert f"  FAILED  no answer from {closed_url}: Connection refused\n" in capsys.readouterr().out


async def test_a_model_that_is_still_loading(capsys: Captured, closed_url: str) -> None:
    async def never(_: Config) -> Any:
        await asyncio.Event().wait()

    async with filtering(before(closed_url), never) as url:
        assert await selftest(url) == 1
    said = capsys.readouterr().out
    assert '  FAILED  the filter is not ready: 503 "The image check is starting' in said
    assert "wait until its log says ready" in said


async def test_a_pictrs_that_is_down(capsys: Captured, closed_url: str) -> None:
    async with filtering(before(closed_url)) as url:
        assert await selftest(url) == 1
    said = capsys.readouterr().out
    assert "  ok      the self-test card was refused" in said
    assert '  FAILED  an ordinary picture did not pass: 502 "The image server did not answer"' in said
    assert "is pict-rs running" in said


async def test_a_threshold_that_refuses_everything(tmp_path: Path, capsys: Captured) -> None:
    async with standing_in(tmp_path) as stand_in:
        given = before(stand_in.url)
        rule = given.policy.rules[0]
        everything = rule.model_copy(update={"when": rule.when.model_copy(update={"at_least": 0.0})})
        given = replace(given, policy=given.policy.model_copy(update={"rules": (everything,)}))
        async with filtering(given) as url:
            assert await selftest(url) == 1
    said = capsys.readouterr().out
    assert '  FAILED  an ordinary picture did not pass: 400 "Image rejected' in said
    assert "its threshold is too low" in said


def answer(status: int, **fields: object) -> bytes:
    return write_answer(status, json.dumps(fields).encode())


REFUSED = answer(400, msg="no", code="failed-external-validation", files=[])
STORED = answer(201, msg="ok", files=[{"file": "a.png", "delete_token": "t"}])
OTHER = "the self-test card was not refused as a filter refuses it"
ODD = [
    pytest.param([write_answer(404)], f"{OTHER}: 404, without a message", id="a-web-server"),
    pytest.param([write_answer(302, headers={"Location": "/"})], f"{OTHER}: 302", id="a-redirect"),
    pytest.param([answer(400, msg="bad", code="bad-request")], f'{OTHER}: 400 "bad"', id="refused-for-its-form"),
    pytest.param([answer(201, msg="ok", files=[])], f'{OTHER}: 201 "ok"', id="stored-nothing"),
    pytest.param(
        [answer(200, msg="ok", files=[{"file": "a.png"}])],
        "it cannot be deleted again: no delete token came with it\n          delete it by hand: a.png",
        id="stored-without-a-token",
    ),
    pytest.param(
        [REFUSED, answer(202, msg="ok", files=[{"file": "a.png"}])], "did not pass: 202", id="in-the-background"
    ),
    pytest.param([REFUSED, answer(503, msg="later")], "its log has the reason", id="cannot-judge"),
    pytest.param([REFUSED, answer(500, msg="oh")], "the log of pict-rs may tell", id="pict-rs-fails"),
    pytest.param(
        [REFUSED, STORED, write_answer(403)],
        "it could not be deleted again: 403, without a message as pict-rs has it\n          delete it by hand: a.png",
        id="will-not-delete",
    ),
    pytest.param([REFUSED, STORED, None], "Server disconnected", id="breaks-off-at-the-end"),
]


@pytest.mark.parametrize(("answers", "words"), ODD)
async def test_what_does_not_answer_as_it_must(capsys: Captured, answers: list[bytes | None], words: str) -> None:
    left = iter(answers)

    def say(_: Request) -> bytes | None:
        return next(left, None)

    with Recorder(say) as server:
        assert await selftest(server.url) == 1
        assert [request.method for request in server.requests].count("POST") == min(len(answers), 2)
    assert next(left, "none left") == "none left"
    said = capsys.readouterr().out
    assert words in said
    assert "  FAILED  " in said
    assert "all is well" not in said


def test_the_card_as_a_file(tmp_path: Path, capsys: Captured) -> None:
    assert write(tmp_path / "card.png") == 0
    assert (tmp_path / "card.png").read_bytes() == card()
    assert capsys.readouterr().out.startswith(f"wrote {tmp_path}/card.png: ")


def test_a_file_that_cannot_be_written(tmp_path: Path, capsys: Captured) -> None:
    assert write(tmp_path) == 1
    assert capsys.readouterr().err == f"pictrs-filter: cannot write {tmp_path}: Is a directory\n"
