"""Who answers, and why nobody does."""

from __future__ import annotations

import socket
from pathlib import Path

import aiohttp
import pytest

from addons.doctor import answerer as room
from addons.doctor.answerer import Silence, Who, answerer, own_mark
from addons.pictrs import answers
from addons.pictrs.asking import Asking
from tests.addons.doctor.wards import Ward
from tests.addons.pictrs.surveyed import PictRs
from tests.http1 import Request, write_answer
from tests.ports import closed_address
from tests.recorder import Recorder


@pytest.mark.parametrize("line", ["0.3", "0.4", "0.5", "0.6"])
async def test_pict_rs(tmp_path: Path, line: str) -> None:
    with Recorder(PictRs(line)) as recorder:
        found = await answerer(Ward(tmp_path, recorder.url).patient(), recorder.url)
        assert {(request.method, request.body) for request in recorder.requests} == {("GET", b"")}
    assert (found.who, found.line, found.silence) == (Who.PICT_RS, line, None)


@pytest.mark.parametrize("key", [True, False])
@pytest.mark.parametrize("own", [True, False])
async def test_a_filter(tmp_path: Path, own: bool, key: bool) -> None:
    patient = Ward(tmp_path, "http://127.0.0.1:1", key=key).patient()
    mark = own_mark(patient) if own else "0" * 32

    def answer(request: Request) -> bytes:
        if request.target == room.ASK:
            said = answers.no_route(404, "no such route")
        else:
            said = answers.LOOP if request.header("x-pictrs-filter") == [mark] else answers.UPSTREAM
        return write_answer(said.status, said.body)

    with Recorder(answer) as recorder:
        found = await answerer(patient, recorder.url)
    assert found.who is (Who.THIS_FILTER if own and key else Who.FILTER)


@pytest.mark.parametrize("raw", [write_answer(200, b"<html>"), write_answer(404), b"SSH-2.0-OpenSSH_9.2\r\n"])
async def test_something_else(tmp_path: Path, raw: bytes) -> None:
    with Recorder(lambda _: raw) as recorder:
        assert (await answerer(Ward(tmp_path, recorder.url).patient(), recorder.url)).who is Who.STRANGER


@pytest.mark.parametrize(("raw", "silence"), [(None, Silence.BROKEN), (write_answer(502), Silence.NOT_YET)])
async def test_one_that_is_not_there_yet(tmp_path: Path, raw: bytes | None, silence: Silence) -> None:
    with Recorder(lambda _: raw) as recorder:
        found = await answerer(Ward(tmp_path, recorder.url).patient(), recorder.url)
    assert (found.who, found.silence) == (Who.NOBODY, silence)


async def test_nobody(tmp_path: Path) -> None:
    patient = Ward(tmp_path, "http://127.0.0.1:1").patient()
    with closed_address() as (host, port):
        assert (await answerer(patient, f"http://{host}:{port}")).silence is Silence.REFUSED
    assert (await answerer(patient, "http://nobody.invalid:8080")).silence is Silence.NO_NAME


async def test_one_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "Asking", lambda base, **_: Asking(base, seconds=0.05))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = await answerer(
            Ward(tmp_path, "http://127.0.0.1:1").patient(), f"http://127.0.0.1:{silent.getsockname()[1]}"
        )
    assert found.silence is Silence.TIMEOUT


async def test_no_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def get(*_: object) -> None:
        key = aiohttp.client_reqrep.ConnectionKey("h", 1, False, True, None, None, None)
        raise aiohttp.ClientConnectorError(key, OSError(113, "No route to host"))

    monkeypatch.setattr(Asking, "get", get)
    found = await answerer(Ward(tmp_path, "http://127.0.0.1:1").patient(), "http://127.0.0.1:1")
    assert found.silence is Silence.NO_WAY
