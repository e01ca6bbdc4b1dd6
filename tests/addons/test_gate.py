"""`mitmdump -s addons/gate.py`: as closed as our own launcher, under any options, and with a script that fails."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from addons import closed
from tests.http1 import ask, upload
from tests.recorder import Recorder
from tests.running import repository, say

MITMDUMP = str(Path(sys.executable).parent / "mitmdump")
SECONDS = 60.0
GATE = "addons/gate.py"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def mitmdump(recorder: Recorder, home: Path, *options: str, script: str = GATE) -> Iterator[int]:
    """mitmdump with a script, in front of the recorder. Gives its port once it answers."""
    port = free_port()
    command = [MITMDUMP, "-q", "--set", f"confdir={home}", "-p", str(port), "--listen-host", "127.0.0.1", *options]
    environment = {**os.environ, "PICTRS_FILTER_UPSTREAM": recorder.url, "PYTHONPATH": ""}
    environment.pop("PICTRS_FILTER_CONFIG", None)
    with subprocess.Popen(
        [*command, "-s", script],
        cwd=repository(),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            wait_for_answer(port, process, script)
            yield port
        finally:
            process.terminate()
            process.wait(SECONDS)


def wait_for_answer(port: int, process: subprocess.Popen[str], script: str) -> None:
    end = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < end:
        # mitmdump listens before it loads a script; until then it closes connections (its upstream is dead).
        try:
            if script == GATE:
                ask(("127.0.0.1", port), "GET", "/")
            else:  # without the gate mitmproxy 12 never answers
                socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:  # refused, reset or closed without an answer
            time.sleep(0.05)
    pytest.fail(
        f"mitmdump did not listen: {process.stdout.read() if process.stdout and process.poll() is not None else ''}"
    )


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with Recorder() as running:
        yield running


def test_it_judges_with_the_embedded_model(recorder: Recorder, tmp_path: Path) -> None:
    from model.card import card, plain

    with mitmdump(recorder, tmp_path, "--mode", closed.MODE) as port:
        address = ("127.0.0.1", port)
        end = time.monotonic() + SECONDS
        while (answer := upload(address, card())).status == 503 and time.monotonic() < end:
            time.sleep(0.2)
        assert (answer.status, answer.json()["code"]) == (400, "failed-external-validation")
        assert recorder.raw == []
        assert upload(address, plain()).status == 201
        assert len(recorder.requests) == 1
        assert ask(address, "POST", "/internal/import", b"x").status == 404
        assert b"<html" not in say(address, b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n")


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (("--mode", "reverse:http://127.0.0.1:80"), "option 'mode'"),
        (("--mode", closed.MODE, "--ignore-hosts", ".*"), "option 'ignore_hosts'"),
        (("--mode", closed.MODE, "--set", "stream_large_bodies=1"), "option 'stream_large_bodies'"),
        (("--mode", closed.MODE, "--set", "validate_inbound_headers=false"), "option 'validate_inbound_headers'"),
        ((), "option 'mode'"),
    ],
    ids=["mode", "ignore_hosts", "stream", "headers", "no mode"],
)
def test_it_does_not_start_under_an_option_that_opens_the_gate(
    recorder: Recorder, tmp_path: Path, options: tuple[str, ...], fault: str
) -> None:
    command = [MITMDUMP, "--set", f"confdir={tmp_path}", "-p", str(free_port()), *options, "-s", "addons/gate.py"]
    environment = {**os.environ, "PICTRS_FILTER_UPSTREAM": recorder.url}
    done = subprocess.run(command, cwd=repository(), env=environment, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 1
    assert fault in done.stdout + done.stderr
    assert recorder.raw == []


def test_the_users_mitmproxy_configuration_does_not_open_it(recorder: Recorder, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("ignore_hosts: ['.*']\n")
    command = [
        MITMDUMP,
        "--set",
        f"confdir={tmp_path}",
        "-p",
        str(free_port()),
        "--mode",
        closed.MODE,
        "-s",
        "addons/gate.py",
    ]
    environment = {**os.environ, "PICTRS_FILTER_UPSTREAM": recorder.url}
    done = subprocess.run(command, cwd=repository(), env=environment, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 1
    assert "ignore_hosts" in done.stdout + done.stderr


@pytest.mark.parametrize("broken", ["def broken(:", "import sys; sys.exit()", "raise ValueError", "addons = []", ""])
def test_a_script_that_fails_lets_nothing_through(recorder: Recorder, tmp_path: Path, broken: str) -> None:
    # mitmproxy goes on without it; then the dead upstream is what protects.
    script = tmp_path / "gate.py"
    script.write_text("from pathlib import Path\n")
    with mitmdump(recorder, tmp_path, "--mode", closed.MODE, script=str(script)) as port:
        script.write_text(broken)  # mitmproxy reloads it within a second or so; before and after, nothing passes
        for _ in range(12):
            try:
                answer = upload(("127.0.0.1", port), b"picture")
            except OSError:
                continue  # closed without an answer: nothing passes either
            assert answer.status == 502
            time.sleep(0.15)
    assert recorder.raw == []


def test_a_bad_configuration_ends_it(recorder: Recorder, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("mode: sometimes\n")
    command = [
        MITMDUMP,
        "--set",
        f"confdir={tmp_path}",
        "-p",
        str(free_port()),
        "--mode",
        closed.MODE,
        "-s",
        "addons/gate.py",
    ]
    done = subprocess.run(
        command,
        cwd=repository(),
        env={**os.environ, "PICTRS_FILTER_CONFIG": str(bad)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 1
    assert re.search(r"bad\.yaml:1: mode", done.stdout + done.stderr)


def test_it_speaks_no_tls(recorder: Recorder, tmp_path: Path) -> None:
    # mitmdump has all that it takes to answer a TLS hello; only our choice of the layer keeps it from that.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with mitmdump(recorder, tmp_path, "--mode", closed.MODE) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as plain, pytest.raises(ssl.SSLError):
            context.wrap_socket(plain)
        heard = say(("127.0.0.1", port), b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
        assert json.loads(heard.partition(b"\r\n\r\n")[2])["files"] == []
    assert recorder.raw == []


def test_json_is_what_every_answer_is(recorder: Recorder, tmp_path: Path) -> None:
    with mitmdump(recorder, tmp_path, "--mode", closed.MODE) as port:
        heard = say(("127.0.0.1", port), b"nonsense\r\n\r\n")
        assert json.loads(heard.partition(b"\r\n\r\n")[2])["files"] == []
