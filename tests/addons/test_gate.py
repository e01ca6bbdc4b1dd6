"""`mitmdump -s addons/gate.py`: as closed as our own launcher, under any options, and with a script that fails."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from addons import closed
from model.card import card, plain
from tests.addons.dumped import GATE, MITMDUMP, SECONDS, alive, mitmdump, statuses, until
from tests.http1 import ask, upload
from tests.ports import free_port
from tests.recorder import Recorder
from tests.running import repository, say
from tests.served import own_file


def refused_start(home: Path, *options: str, **environment: str) -> tuple[int, str]:
    """(exit code, what it printed) of a mitmdump that ends by itself; `environment` names PICTRS_FILTER_ variables."""
    command = [MITMDUMP, "--set", f"confdir={home}", "-p", str(free_port()), *options, "-s", GATE]
    environment = {"config": str(own_file(home)), **environment}
    variables = {f"PICTRS_FILTER_{name.upper()}": value for name, value in environment.items()}
    done = subprocess.run(
        command, cwd=repository(), env={**os.environ, **variables}, capture_output=True, text=True, timeout=SECONDS
    )
    return done.returncode, done.stdout + done.stderr


def passed_on(recorder: Recorder) -> list[bytes]:
    """What reached the upstream, by connection, but for the filter's own questions (survey.py)."""
    return [raw for raw in recorder.raw if raw and b"aiohttp" not in raw]


def test_it_judges_with_the_embedded_model(recorder: Recorder, tmp_path: Path) -> None:
    with mitmdump(recorder, tmp_path, "--mode", closed.MODE) as port:
        address = ("127.0.0.1", port)
        end = time.monotonic() + SECONDS
        while (answer := upload(address, card())).status == 503 and time.monotonic() < end:
            time.sleep(0.2)
        assert (answer.status, answer.json()["code"]) == (400, "failed-external-validation")
        assert passed_on(recorder) == []
        assert upload(address, plain()).status == 201
        assert len(passed_on(recorder)) == 1
        assert ask(address, "POST", "/internal/import", b"x").status == 404
        assert b"<html" not in say(address, b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n")
        say(address, b"GET /image/original/a.jpg HTTP/1.1\r\nCookie: jwt=verysecret", shut=True, seconds=1)
        say(address, b"GET /image/original/a.jpg HTTP/1.1\r\nCookie jwt verysecret\r\n\r\n")
        ask(address, "DELETE", "/image/delete/verysecret/a.jpg", None, {"Authorization": "Bearer verysecret"})
    log = (tmp_path / "mitmdump.log").read_text()
    assert "rule=self-test-card" in log
    assert "verysecret" not in log


def test_it_ends_cleanly_when_it_is_told_to(recorder: Recorder, tmp_path: Path) -> None:
    log = tmp_path / "mitmdump.log"
    with mitmdump(recorder, tmp_path, "--mode", closed.MODE, gently=True) as port:
        until(lambda: "ready: listening on " in log.read_text(), "its model was never loaded")
        assert statuses(("127.0.0.1", port), card()) == [400]
    assert "Traceback" not in log.read_text()


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
    code, said = refused_start(tmp_path, *options, upstream=recorder.url)
    assert code == 1
    assert fault in said
    assert recorder.raw == []


def test_the_users_mitmproxy_configuration_does_not_open_it(recorder: Recorder, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("ignore_hosts: ['.*']\n")
    code, said = refused_start(tmp_path, "--mode", closed.MODE, upstream=recorder.url)
    assert code == 1
    assert "ignore_hosts" in said


@pytest.mark.parametrize("broken", ["def broken(:", "import sys; sys.exit()", "raise ValueError", "addons = []", ""])
def test_a_gate_that_is_broken_while_it_runs_lets_nothing_through(
    recorder: Recorder, tmp_path: Path, broken: str
) -> None:
    # mitmproxy reloads a script that changed. If that fails the old gate stays in force; if it works and there is no
    # gate any more, the dead upstream is what protects. The forbidden card never passes, and nothing passes unseen.
    script = tmp_path / "gate.py"
    script.write_text((repository() / GATE).read_text())
    with mitmdump(recorder, tmp_path, "--mode", closed.MODE, script=str(script)) as port:
        address = ("127.0.0.1", port)
        until(lambda: statuses(address, plain(1))[0] == 201, "the gate never let an ordinary picture pass")
        recorder.reset()
        script.write_text(broken)
        loaded = tmp_path / "mitmdump.log"
        until(lambda: loaded.read_text().count("Loading script") >= 2 or not alive(address), "it was not loaded again")
        assert 201 not in statuses(address, card(), card(), card())
        assert passed_on(recorder) == []


def test_a_bad_configuration_ends_it(recorder: Recorder, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("mode: sometimes\n")
    code, said = refused_start(tmp_path, "--mode", closed.MODE, config=str(bad))
    assert code == 1
    assert re.search(r"bad\.yaml:1: mode", said)


def test_a_key_that_cannot_be_had_ends_it(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    code, said = refused_start(tmp_path, "--mode", closed.MODE)
    assert code == 1
    assert f"the state folder {tmp_path}/state cannot be used: File exists (set `state_dir:`" in said


def test_a_taken_callback_port_ends_it(recorder: Recorder, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file = tmp_path / "taken.yaml"
        file.write_text(
            own_file(tmp_path).read_text().replace("{listen: 127.0.0.1:0}", f"{{listen: 127.0.0.1:{port}}}")
        )
        code, said = refused_start(tmp_path, "--mode", closed.MODE, config=str(file), upstream=recorder.url)
    assert code == 1
    assert f"cannot listen on 127.0.0.1:{port} (callback.listen)" in said
    assert recorder.raw == []


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Recorder]]:
    """A gate for tests in which nothing may reach the upstream, its port, and what stands there."""
    with (
        Recorder() as recorder,
        mitmdump(recorder, tmp_path_factory.mktemp("quiet"), "--mode", closed.MODE) as port,
    ):
        yield port, recorder


def test_it_speaks_no_tls(quiet: tuple[int, Recorder]) -> None:
    # mitmdump has all that it takes to answer a TLS hello; only our choice of the layer keeps it from that.
    port, recorder = quiet
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain)
    assert passed_on(recorder) == []


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH_9.6\r\n\r\n", b"nonsense\r\n\r\n"])
def test_json_is_what_every_answer_is(quiet: tuple[int, Recorder], said: bytes) -> None:
    port, recorder = quiet
    heard = say(("127.0.0.1", port), said)
    assert json.loads(heard.partition(b"\r\n\r\n")[2])["files"] == []
    assert passed_on(recorder) == []
