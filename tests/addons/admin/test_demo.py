"""`pictrs-filter demo`: it shows what is, says when a picture does not fare as it must, and leaves nothing behind."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from addons.admin import demo as demo_module
from addons.admin.demo import demo
from addons.admin.standin import StandIn
from model import judge, weights
from model.card import card, plain
from model.errors import ModelError
from tests.http1 import Request, upload, write_answer
from tests.ports import closed_address
from tests.recorder import Recorder, pictrs_answer
from tests.running import repository

Captured = pytest.CaptureFixture[str]
SECONDS = 60.0


def rows(said: str) -> list[list[str]]:
    """The table: request, status, score, rule, and what was stored."""
    found = re.findall(r"^(?=POST|GET)(.{42}) (\d+) +(\S+(?: \d\S+)?) +(\S+) +\d* +(.+)$", said, re.MULTILINE)
    return [[column.strip() for column in row] for row in found]


def store_of(said: str) -> Path:
    found = re.search(r"storing into (\S+)", said)
    assert found
    return Path(found[1])


async def test_without_anything(capsys: Captured) -> None:
    assert await demo(None, False) == 0
    said = capsys.readouterr()
    assert [(row[1], row[3], row[4]) for row in rows(said.out)] == [
        ("201", "-", "yes"),
        ("400", "self-test-card", "no"),
        ("400", "undecodable", "no"),
        ("201", "-", "yes"),
        ("400", "self-test-card", "no"),
        ("400", "-", "no"),
    ]
    assert rows(said.out)[0][2].startswith("nsfw 0.0")
    assert '    "The address does not lead to a host on the public internet."' in said.out
    assert "demo --stay" in said.out
    assert said.err == "loading the embedded model ...\n"
    assert not store_of(said.out).parent.exists()


async def test_a_real_upstream_is_left_as_it_was(tmp_path: Path, capsys: Captured) -> None:
    upstream = StandIn(tmp_path / "store")
    await upstream.start()
    try:
        assert await demo(upstream.url, False) == 0
        assert upstream.stored() == set()
    finally:
        await upstream.close()
    assert [row[4] for row in rows(capsys.readouterr().out)] == ["yes", *["no alias"] * 2, "yes", *["no alias"] * 2]


async def test_a_card_that_gets_through_is_told(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "CARD_SHA256", "0" * 64)
    assert await demo(None, False) == 1
    wrong = [row[0] for row in rows(capsys.readouterr().out) if row[4] == "yes   <- this is WRONG"]
    assert wrong == ["POST /image  the self-test card", "GET  /image/download?url=.../card.png"]


async def test_what_is_stored_although_it_was_refused_is_told(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = map(str, itertools.count())
    monkeypatch.setattr(StandIn, "stored", lambda _: {next(names)})
    assert await demo(None, False) == 1
    table = rows(capsys.readouterr().out)
    assert [row[4] for row in table] == ["yes" + "   <- this is WRONG" * (row[1] == "400") for row in table]


async def test_an_upstream_that_stores_nothing_is_told(capsys: Captured) -> None:
    def say(request: Request) -> bytes:
        return write_answer(404) if request.target.startswith("/image/original") else pictrs_answer(request)

    with Recorder(say) as upstream:
        assert await demo(upstream.url, False) == 1
    assert rows(capsys.readouterr().out)[0][4] == "no   <- this is WRONG"


async def test_what_stays_behind_is_told(capsys: Captured) -> None:
    def say(request: Request) -> bytes:
        return write_answer(403) if request.target.startswith("/image/delete") else pictrs_answer(request)

    with Recorder(say) as upstream:
        assert await demo(upstream.url, False) == 0
    assert rows(capsys.readouterr().out)[0][4] == "yes, and not deleted again: recorded.png"


async def test_an_upstream_that_is_down_is_told_at_once(capsys: Captured) -> None:
    with closed_address() as (host, port):
        url = f"http://{host}:{port}"
        assert await demo(url, False) == 1
    assert capsys.readouterr().err == f"pictrs-filter: no answer from {url}: Connection refused\n"


async def test_a_model_that_cannot_be_loaded(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object) -> NoReturn:
        raise ModelError("fetch it again")

    monkeypatch.setattr(weights, "load", load)
    assert await demo(None, False) == 1
    said = capsys.readouterr()
    assert said.err.endswith("pictrs-filter: fetch it again\n")
    assert "Traceback" not in said.err


@pytest.fixture(autouse=True)
def _sigint_is_not_ignored() -> Iterator[None]:
    """A shell has what it starts in the background ignore SIGINT, and what that starts, too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@contextmanager
def process(*options: str) -> Iterator[subprocess.Popen[str]]:
    """The demo as a program, standard error in its standard output, and that in a buffer, as Python has it."""
    command = [sys.executable, "-m", "addons.admin.cli", "demo", *options]
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=repository(), env=buffered, stdout=pipe, stderr=subprocess.STDOUT, text=True
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def read_until(running: subprocess.Popen[str], end: str) -> str:
    heard = ""
    for line in running.stdout or ():
        heard += line
        if end in line:
            return heard
    pytest.fail(f"never said {end!r}: {heard}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_staying_ends_cleanly(number: signal.Signals) -> None:
    with process("--stay") as running:
        said = read_until(running, "Ctrl-C ends it")
        found = re.search(r"@(\S+/self-test-card\.png)' http://127\.0\.0\.1:(\d+)/image", said)
        assert found
        address = ("127.0.0.1", int(found[2]))
        assert Path(found[1]).read_bytes() == card()
        assert upload(address, card()).status == 400
        assert upload(address, plain()).status == 201
        running.send_signal(number)
        assert running.communicate(timeout=SECONDS)[0] == ""
        assert running.returncode == 0
        assert not Path(found[1]).parent.exists()


def test_the_log_of_verdicts_is_the_demos_own(tmp_path: Path) -> None:
    """It goes with the demo's folder; that of a filter at work is not written to."""
    assert Path(demo_module._config("http://127.0.0.1:9", 1, tmp_path).settings.state_dir) == tmp_path / "state"
