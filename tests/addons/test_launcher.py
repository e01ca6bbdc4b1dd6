"""`pictrs-filter serve` as a process: one ready line, a clean end on SIGTERM, a clear word on failure."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from addons.launcher import ListenError
from model.card import card, plain
from tests.http1 import ask, upload
from tests.recorder import Recorder
from tests.running import FakeJudge, RunningFilter, config, repository, say

READY = re.compile(
    r"ready: listening on (?P<listen>\S+), upstream (?P<upstream>\S+), model open-nsfw on \S.*, mode (?P<mode>\w+), "
    r"(?P<rules>\d+) rules, policy [0-9a-f]{8}"
)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with Recorder() as running:
        yield running


@contextmanager
def serve(*options: str, environment: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """`pictrs-filter serve` in a foreign folder, as an administrator runs it."""
    command = [sys.executable, "-m", "addons.admin.cli", "serve", *options]
    plain_environment = {name: value for name, value in os.environ.items() if not name.startswith("PICTRS_FILTER_")}
    with subprocess.Popen(
        command,
        cwd=repository(),
        env={**plain_environment, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_ready(process: subprocess.Popen[str]) -> re.Match[str]:
    """Read the log up to the ready line."""
    heard = []
    for line in process.stdout or ():
        heard.append(line)
        if found := READY.search(line):
            return found
    pytest.fail("no ready line: " + "".join(heard))


def test_serve_judges_and_stops_cleanly(recorder: Recorder) -> None:
    with serve("--upstream", recorder.url, "--listen", "127.0.0.1:0") as process:
        ready = wait_ready(process)
        assert (ready["upstream"], ready["mode"], ready["rules"]) == (recorder.url, "enforce", "2")
        host, _, port = ready["listen"].rpartition(":")
        address = (host, int(port))
        assert upload(address, card()).status == 400
        assert not any(recorder.raw)
        assert upload(address, plain()).status == 201
        headers = {"Cookie": "jwt=verysecret", "Authorization": "Bearer verysecret"}
        assert ask(address, "GET", "/image/original/a.jpg?verysecret=1", None, headers).status == 400
        say(address, b"GET /image/original/a.jpg HTTP/1.1\r\nCookie: jwt=verysecret", shut=True, seconds=1)
        process.send_signal(signal.SIGTERM)
        log = process.stdout.read() if process.stdout else ""
        assert process.wait(30) == 0
    assert re.search(r"source=upload outcome=reject rule=self-test-card type=png", log)
    assert re.search(r"source=upload outcome=pass rule=- type=jpeg bytes=\d+ views=1 nsfw=0\.\d{3} ms=", log)
    assert "verysecret" not in log
    assert "stopping" in log


def test_environment_and_file_and_their_order(recorder: Recorder, tmp_path: Path) -> None:
    file = tmp_path / "filter.yaml"
    file.write_text("mode: shadow\nupstream: http://127.0.0.1:1\nlisten: 127.0.0.1:0\n")
    with serve("--config", str(file), environment={"PICTRS_FILTER_UPSTREAM": recorder.url}) as process:
        ready = wait_ready(process)
        assert (ready["upstream"], ready["mode"]) == (recorder.url, "shadow")
        host, _, port = ready["listen"].rpartition(":")
        assert upload((host, int(port)), card()).status == 400  # in shadow mode too


def test_a_bad_file_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "filter.yaml"
    file.write_text("mode: enforce\nlimts: {}\n")
    with serve("--config", str(file)) as process:
        heard = process.stdout.read() if process.stdout else ""
        assert process.wait(30) == 1
    assert "filter.yaml:2: limts" in heard
    assert "Traceback" not in heard


def test_a_model_that_cannot_be_had_ends_it_with_the_way_out(tmp_path: Path) -> None:
    file = tmp_path / "filter.yaml"
    file.write_text(
        f"""listen: 127.0.0.1:0
models: {{nsfw: {{timm: "local-dir:{tmp_path}/nowhere", labels: [a, b]}}}}
signals: {{nsfw: {{model: nsfw, label: b}}}}
rules: [{{name: r, when: {{signal: nsfw, at_least: 0.5}}, action: reject}}]
"""
    )
    with serve("--config", str(file)) as process:
        heard = process.stdout.read() if process.stdout else ""
        assert process.wait(60) == 1
    assert "the model could not be loaded" in heard
    assert "nowhere" in heard
    assert "Traceback" not in heard


def test_a_taken_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with serve("--listen", f"127.0.0.1:{port}") as process:
            heard = process.stdout.read() if process.stdout else ""
            assert process.wait(60) == 1
    assert f"cannot listen on 127.0.0.1:{port}" in heard


def test_a_taken_port_raises_in_process(recorder: Recorder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = config(recorder.address, listen=f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(ListenError), RunningFilter(busy, FakeJudge()):
            pass


def test_it_starts_and_stops_again_in_one_process(recorder: Recorder) -> None:
    for _ in range(3):
        with RunningFilter(config(recorder.address), FakeJudge()) as running:
            assert upload(running.address, b"picture").status == 201
    assert len(recorder.requests) == 3


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_both_kinds_of_address(recorder: Recorder, host: str) -> None:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        if host == "[::1]":
            host = "127.0.0.1"  # a machine without IPv6
    with RunningFilter(config(recorder.address, listen=f"{host}:0"), FakeJudge()) as running:
        assert upload(running.address, b"picture").status == 201
