"""The internal port of a filter that runs: in a thread of its own, beside the proxy."""

from __future__ import annotations

import http.client
import logging
import socket
from pathlib import Path

import pytest

from addons.listener import ListenError
from addons.page.port import InternalPort
from addons.page.server import Server
from addons.state import StateError
from config.admin import Admin
from tests.addons.page.desk import TOKEN, sources
from tests.http1 import upload
from tests.recorder import Recorder
from tests.running import FORBIDDEN, FakeJudge, RunningFilter, config, until


def ask(address: tuple[str, int], path: str, method: str = "GET", body: str = "", **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(*address, timeout=20)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def running_with(recorder: Recorder, folder: Path) -> RunningFilter:
    given = config(recorder.address, admin={"listen": "127.0.0.1:0"}, state_dir=str(folder))
    return RunningFilter(given, FakeJudge())


def test_of_a_running_filter(recorder: Recorder, tmp_path: Path) -> None:
    with running_with(recorder, tmp_path / "state") as running:
        internal = running.filter.internal
        assert internal is not None
        upload(running.address, FORBIDDEN)
        upload(running.address, b"harmless")
        assert ask(internal, "/readyz") == (200, "ready\n")
        found = ask(internal, "/metrics")[1]
        assert 'pictrs_filter_scans_total{rule="other",source="upload",verdict="reject"} 1.0' in found
        assert 'pictrs_filter_requests_total{code="400",route="/image"} 1.0' in found
        assert 'pictrs_filter_requests_total{code="201",route="/image"} 1.0' in found
        assert "pictrs_filter_inflight 0.0" in found
        assert "pictrs_filter_backend_up 1.0" in found
        until(lambda: "refused</span>" in ask(internal, "/verdicts")[1])
    with pytest.raises(OSError, match="refused"):
        ask(internal, "/healthz")


def test_off_means_that_nothing_listens(recorder: Recorder) -> None:
    with RunningFilter(config(recorder.address), FakeJudge()) as running:
        assert running.filter.internal is None


def test_place_that_is_taken_ends_the_start(recorder: Recorder, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = "{}:{}".format(*taken.getsockname())
        given = config(recorder.address, admin={"listen": place})
        with pytest.raises(ListenError, match=r"admin\.listen"), RunningFilter(given, FakeJudge()):
            pass


def test_token_file_that_does_not_do_ends_the_start(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="openssl"):
        InternalPort(Admin(listen="127.0.0.1:0", token_file=str(tmp_path / "none")), sources(None))


async def test_token_is_in_no_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "token"
    path.write_text(TOKEN)
    path.chmod(0o600)
    port = InternalPort(Admin(listen="127.0.0.1:0", token_file=str(path)), sources(None))
    with caplog.at_level(logging.DEBUG):
        port.open()
        assert port.address is not None
        form = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
        assert ask(port.address, "/login", "POST", f"token={TOKEN.replace(' ', '+')}", **form)[0] == 303
        assert ask(port.address, "/login", "POST", "token=wrong-token", **form)[0] == 401
        bearer = {"Authorization": f"Bearer {TOKEN}", "Content-Type": form["Content-Type"]}
        assert ask(port.address, "/allow", "POST", "ref=00000001", **bearer)[0] == 503
        assert ask(port.address, f"/?token={TOKEN.replace(' ', '+')}")[0] == 200
        await port.close()
    told = "\n".join(record.getMessage() for record in caplog.records)
    assert [secret for secret in (TOKEN, TOKEN.replace(" ", "+"), "wrong-token", "GET /") if secret in told] == []


async def test_server_can_be_closed_before_it_is_open() -> None:
    server = Server(lambda scope, receive, send: None, "127.0.0.1", 0)  # type: ignore[arg-type,return-value]
    await server.close()
    assert not server.is_open
