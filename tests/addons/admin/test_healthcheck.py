"""A filter that runs answers its own health check, whichever of its ports that asks; one that is gone does not."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from addons.admin.cli import main
from addons.admin.healthcheck import healthcheck
from addons.inspection import Judging
from config.load import Config
from config.settings import Settings
from tests.http1 import write_answer
from tests.ports import free_port
from tests.recorder import Recorder
from tests.running import FakeJudge, RunningFilter, config, repository

Captured = pytest.CaptureFixture[str]


async def never(_: Config) -> Judging:
    """A model that is being loaded for as long as the test takes."""
    await asyncio.Event().wait()
    raise AssertionError("not reached")


def asked(running: RunningFilter) -> Settings:
    """Settings with the ports that the system chose for a filter that runs."""
    listen = "{}:{}".format(*running.address)
    admin = "off" if running.filter.internal is None else "{}:{}".format(*running.filter.internal)
    return config(("127.0.0.1", 1), listen=listen, admin={"listen": admin}).settings


@pytest.mark.parametrize("admin", ["127.0.0.1:0", "off"])
def test_one_that_can_judge_is_alive_and_ready(recorder: Recorder, capsys: Captured, admin: str) -> None:
    with RunningFilter(config(recorder.address, admin={"listen": admin}), FakeJudge()) as running:
        settings = asked(running)
        assert [healthcheck(settings, ready=ready) for ready in (False, True)] == [0, 0]
    alive, ready = capsys.readouterr().out.splitlines()
    assert alive.startswith("alive: http://127.0.0.1:")
    assert ready.startswith("ready: http://127.0.0.1:")
    assert ("/readyz answers 200, ready" in ready) is (admin != "off")


@pytest.mark.parametrize("admin", ["127.0.0.1:0", "off"])
def test_one_that_loads_its_model_is_alive_and_not_ready(recorder: Recorder, capsys: Captured, admin: str) -> None:
    given = config(recorder.address, admin={"listen": admin})
    with RunningFilter(given, start=never, wait=False) as running:
        settings = asked(running)
        assert [healthcheck(settings, ready=ready) for ready in (False, True)] == [0, 1]
    alive, ready = capsys.readouterr().out.splitlines()
    assert (alive.partition(":")[0], ready.partition(":")[0]) == ("alive", "not well")
    assert " answers 503, " in ready


def test_without_an_internal_port_a_pictrs_that_is_down_is_not_ready_but_the_filter_lives() -> None:
    given = config(("127.0.0.1", free_port()), admin={"listen": "off"})
    with RunningFilter(given, FakeJudge()) as running:
        settings = asked(running)
        assert [healthcheck(settings, ready=ready) for ready in (False, True)] == [0, 1]


@pytest.mark.parametrize("admin", ["127.0.0.1", "off"])
def test_one_that_is_gone(capsys: Captured, admin: str) -> None:
    port = free_port()
    ports = {"listen": f"127.0.0.1:{port}"} if admin == "off" else {"admin": {"listen": f"{admin}:{port}"}}
    settings = config(("127.0.0.1", 1), **ports).settings
    assert healthcheck(settings, ready=False) == 1
    assert (
        capsys.readouterr().out == f"no answer from http://127.0.0.1:{port}/healthz: [Errno 111] Connection refused\n"
    )


def test_one_that_says_nothing(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("addons.admin.healthcheck.SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        listen = f"127.0.0.1:{silent.getsockname()[1]}"
        settings = config(("127.0.0.1", 1), admin={"listen": listen}).settings
        assert healthcheck(settings, ready=True) == 1
    assert capsys.readouterr().out == f"no answer from http://{listen}/readyz: timed out\n"


def test_an_address_of_every_interface_is_asked_on_this_machine(capsys: Captured) -> None:
    port = free_port()
    for listen, host in ((f"0.0.0.0:{port}", "127.0.0.1"), (f"[::]:{port}", "[::1]")):
        settings = config(("127.0.0.1", 1), admin={"listen": listen}).settings
        assert healthcheck(settings, ready=False) == 1
        assert capsys.readouterr().out.startswith(f"no answer from http://{host}:{port}/healthz: ")


def test_the_command_asks_where_its_environment_says(
    recorder: Recorder, capsys: Captured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "filter.yaml").write_text("log_level: info\n")
    with RunningFilter(config(recorder.address, admin={"listen": "127.0.0.1:0"}), FakeJudge()) as running:
        monkeypatch.setenv("PICTRS_FILTER_ADMIN_LISTEN", "{}:{}".format(*(running.filter.internal or ())))
        assert main(["healthcheck", "--config", str(tmp_path / "filter.yaml")]) == 0
        assert main(["healthcheck", "--ready", "--config", str(tmp_path / "filter.yaml")]) == 0
    assert main(["healthcheck", "--config", str(tmp_path / "filter.yaml")]) == 1


def test_it_waits_for_nothing_heavy() -> None:
    """Docker gives it 5 seconds, on a machine that is busy judging."""
    code = (
        "import sys\nfrom addons.admin.cli import main\nmain(['healthcheck'])\n"
        "heavy = {'torch', 'timm', 'PIL', 'mitmproxy', 'aiohttp', 'numpy', 'starlette'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=repository(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("piece", [b"X-A: b\r\n", b"\r\nHTTP/1.1 100 Continue\r\n"])
def test_one_that_never_ends_its_answer(capsys: Captured, monkeypatch: pytest.MonkeyPatch, piece: bytes) -> None:
    monkeypatch.setattr("addons.admin.healthcheck.SECONDS", 0.3)

    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 100 Continue\r\n" if b"100" in piece else b"HTTP/1.1 200 OK\r\n")
            for _ in range(100):  # fewer than the 100 headers at which http.client has enough
                connection.sendall(piece)
                time.sleep(0.05)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=drip, args=(server,), daemon=True).start()
        listen = f"127.0.0.1:{server.getsockname()[1]}"
        began = time.monotonic()
        assert healthcheck(config(("127.0.0.1", 1), admin={"listen": listen}).settings, ready=False) == 1
        assert time.monotonic() - began < 3
    assert capsys.readouterr().out == f"no answer from http://{listen}/healthz: timed out\n"


def test_what_a_terminal_would_obey_is_not_passed_on(capsys: Captured) -> None:
    with Recorder(lambda _: write_answer(200, b"\x1b]0;x\x07\r")) as stranger:
        listen = stranger.url.removeprefix("http://")
        assert healthcheck(config(("127.0.0.1", 1), admin={"listen": listen}).settings, ready=False) == 0
    assert capsys.readouterr().out.endswith("answers 200, \\x1b]0;x\\x07\\r\n")
