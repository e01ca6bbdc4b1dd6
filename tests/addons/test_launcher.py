"""`pictrs-filter serve` as a process: one ready line, a clean end on SIGTERM, a clear word on failure."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from mitmproxy.addonmanager import traverse

from addons.launcher import Filter
from addons.lean import LeanMaster
from addons.life import Life
from addons.listener import ListenError
from addons.state import load_key
from model.card import card, plain
from tests.http1 import ask, upload
from tests.recorder import Recorder
from tests.running import FakeJudge, RunningFilter, config, repository, say
from tests.served import own_file

READY = re.compile(
    r"ready: listening on (?P<listen>\S+), upstream (?P<upstream>\S+), model open-nsfw on \S.*, mode (?P<mode>\w+), "
    r"(?P<rules>\d+) rules, policy [0-9a-f]{8}"
)


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


def test_serve_judges_and_stops_cleanly(recorder: Recorder, tmp_path: Path) -> None:
    with serve("--config", str(own_file(tmp_path)), "--upstream", recorder.url) as process:
        ready = wait_ready(process)
        assert (ready["upstream"], ready["mode"], ready["rules"]) == (recorder.url, "enforce", "2")
        host, _, port = ready["listen"].rpartition(":")
        address = (host, int(port))
        assert upload(address, card()).status == 400
        assert not [
            raw for raw in recorder.raw if raw and b"aiohttp" not in raw
        ]  # that is the filter's own (survey.py)
        assert upload(address, plain()).status == 201
        headers = {"Cookie": "jwt=verysecret", "Authorization": "Bearer verysecret"}
        assert ask(address, "GET", "/image/original/a.jpg?verysecret=1", None, headers).status == 400
        say(address, b"GET /image/original/a.jpg HTTP/1.1\r\nCookie: jwt=verysecret", shut=True, seconds=1)
        process.send_signal(signal.SIGTERM)
        log = process.stdout.read() if process.stdout else ""
        assert process.wait(30) == 0
    assert "Traceback" not in log
    assert re.search(r"source=upload outcome=reject rule=self-test-card type=png", log)
    scores = r"views=13 nsfw=0\.\d{3} nsfw\(part\)=0\.\d{3} ms="
    assert re.search(rf"source=upload outcome=pass rule=- type=jpeg bytes=\d+ {scores}", log)
    assert "verysecret" not in log
    assert "stopping" in log


def test_environment_and_file_and_their_order(recorder: Recorder, tmp_path: Path) -> None:
    file = own_file(tmp_path, "mode: shadow\nupstream: http://127.0.0.1:1\n")
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
    file = own_file(
        tmp_path,
        f"""
models: {{nsfw: {{timm: "local-dir:{tmp_path}/nowhere", labels: [a, b]}}}}
signals: {{nsfw: {{model: nsfw, label: b}}}}
rules: [{{name: r, when: {{signal: nsfw, at_least: 0.5}}, action: reject}}]
""",
    )
    with serve("--config", str(file)) as process:
        heard = process.stdout.read() if process.stdout else ""
        assert process.wait(60) == 1
    assert "the model could not be loaded" in heard
    assert "nowhere" in heard
    assert "Traceback" not in heard


def test_a_list_that_is_not_there_ends_it_with_the_way_out(tmp_path: Path) -> None:
    file = own_file(
        tmp_path,
        f"""
models: {{nsfw: {{timm: open-nsfw}}}}
signals: {{nsfw: {{model: nsfw, label: nsfw}}}}
lists: {{shared: {{file: "{tmp_path}/gone.txt"}}}}
rules:
  - {{name: known, when: {{list: shared}}, action: reject}}
  - {{name: high, when: {{signal: nsfw, at_least: 0.9}}, action: reject}}
""",
    )
    heard = heard_at_its_end(file)
    assert f"a list could not be read: {tmp_path}/gone.txt: there is no such file (make it" in heard
    assert "the model could not be loaded" not in heard


def heard_at_its_end(file: Path, *options: str) -> str:
    """What a `serve` that ends by itself, with exit code 1, has said."""
    with serve("--config", str(file), *options) as process:
        heard = process.stdout.read() if process.stdout else ""
        assert process.wait(60) == 1
    assert "Traceback" not in heard
    return heard


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        heard = heard_at_its_end(own_file(tmp_path), "--listen", f"127.0.0.1:{port}")
    assert f"cannot listen on 127.0.0.1:{port}" in heard


def test_a_taken_callback_port_is_told(tmp_path: Path) -> None:
    file = own_file(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file.write_text(file.read_text().replace("{listen: 127.0.0.1:0}", f"{{listen: 127.0.0.1:{port}}}"))
        heard = heard_at_its_end(file)
    assert f"ERROR cannot listen on 127.0.0.1:{port} (callback.listen): is another program there?" in heard
    assert "ready:" not in heard


def test_a_state_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    heard = heard_at_its_end(own_file(tmp_path))
    assert f"ERROR the state folder {tmp_path}/state cannot be used: File exists (set `state_dir:`" in heard


def test_a_key_that_others_can_read_is_told(tmp_path: Path) -> None:
    load_key(tmp_path / "state")
    key = tmp_path / "state" / "key"
    key.chmod(0o644)
    assert f"run chmod 600 {key}" in heard_at_its_end(own_file(tmp_path))


def test_a_taken_port_raises_in_process(recorder: Recorder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = config(recorder.address, listen=f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(ListenError), RunningFilter(busy, FakeJudge()):
            pass


def test_a_taken_callback_port_raises_in_process(recorder: Recorder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        busy = config(recorder.address, callback={"listen": f"127.0.0.1:{port}"})
        with pytest.raises(ListenError, match=rf"127\.0\.0\.1:{port} \(callback\.listen\)"), RunningFilter(busy):
            pass
    assert not any(recorder.raw)


def test_it_runs_with_nothing_of_mitmproxys_but_what_it_needs(recorder: Recorder) -> None:
    with RunningFilter(config(recorder.address), FakeJudge()) as running:
        master = running.filter._master
        assert type(master) is LeanMaster
        assert sorted(type(each).__name__ for each in traverse(master.addons.chain)) == [
            "Intercept",
            "Life",
            "NextLayer",
            "Proxyserver",
        ]


def test_it_starts_and_stops_again_in_one_process(recorder: Recorder) -> None:
    for _ in range(3):
        with RunningFilter(config(recorder.address), FakeJudge()) as running:
            assert upload(running.address, b"picture").status == 201
    assert len(recorder.requests) == 3


async def test_a_start_that_is_cancelled_leaves_nothing_at_work(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening = Life.running

    async def interrupted(self: Life) -> None:
        await listening(self)
        beginning.cancel()

    async def loading(_: object) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(Life, "running", interrupted)
    given = config(recorder.address, state_dir=str(tmp_path / "state"), audit={"keep_rows": 1000})
    running = Filter(given, start_judge=loading, ask_upstream=False)
    beginning = asyncio.create_task(running.start())
    await asyncio.wait([beginning])
    assert beginning.cancelled()
    assert running._run is not None
    assert running._run.done()
    assert "log of verdicts" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_both_kinds_of_address(recorder: Recorder, host: str) -> None:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        if host == "[::1]":
            host = "127.0.0.1"  # a machine without IPv6
    both = config(recorder.address, listen=f"{host}:0", callback={"listen": f"{host}:0"})
    with RunningFilter(both, FakeJudge()) as running:
        assert upload(running.address, b"picture").status == 201
        answer = ask(running.callback, "POST", "/validate", b"picture", {"Content-Type": "image/png"})
        assert answer.status == 200
        ask(running.address, "GET", "/image/original?proxy=http://h/a.png")
    (staged,) = parse_qs(urlsplit(recorder.requests[-1].target).query)["proxy"]
    assert urlsplit(staged).netloc == f"{host}:{running.callback[1]}"
