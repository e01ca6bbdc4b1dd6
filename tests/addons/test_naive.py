"""What mitmproxy does by itself: each attack brings bytes past an addon as one would write it at first, none past ours.

A1 to A5 are numbers that the fuzzer's corpus has, too. Where ours does not even start, test_gate.py shows that.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import StreamEnded, StreamReset

from tests.addons.dumped import mitmdump, statuses, until
from tests.http1 import form
from tests.recorder import Recorder
from tests.running import FORBIDDEN, FakeJudge, RunningFilter, config, say

Address = tuple[str, int]
NAIVE = "tests/addons/naive_addon.py"
HIDDEN = b"GET /image/download?url=http%3A%2F%2Fevil%2F HTTP/1.1\r\nHost: x\r\n\r\n"


def post(body: bytes, *more: bytes) -> bytes:
    """An upload, with more header lines."""
    headers, whole = form(body)
    lines = (b"POST /image HTTP/1.1", b"Host: x", b"Content-Type: " + headers["Content-Type"].encode())
    return b"\r\n".join((*lines, *more, b"Content-Length: %d" % len(whole), b"", whole))


def plainly(address: Address) -> None:
    """No attack at all."""
    say(address, post(FORBIDDEN), seconds=5)


def undecodable(address: Address) -> None:
    """A2: reading the body raises, by a header that the client chose; mitmproxy forwards what an addon fails on."""
    say(address, post(FORBIDDEN, b"Content-Encoding: gzip"), seconds=5)


def failing_judge(address: Address) -> None:
    """A2: so does any other error of an addon."""
    say(address, post(FORBIDDEN + b" the model runs out of memory"), seconds=5)


def hidden_in_http2(address: Address) -> None:
    """A1: TLS and HTTP/2 are taken on a plain listener; a body without a length goes on unframed, as a request."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        with (
            socket.create_connection(address, timeout=10) as plain,
            context.wrap_socket(plain, server_hostname="x") as tls,
        ):
            speak_http2(tls)
    except (ssl.SSLError, OSError):
        pass  # it speaks no TLS


def speak_http2(connection: ssl.SSLSocket) -> None:
    """A request with a body and no length; wait until it has come to something."""
    h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
    h2.initiate_connection()
    fields = [(":method", "GET"), (":path", "/image/original/a.png"), (":scheme", "https"), (":authority", "x")]
    h2.send_headers(1, fields)
    h2.send_data(1, HIDDEN, end_stream=True)
    connection.sendall(h2.data_to_send())
    while data := connection.recv(65536):
        events = h2.receive_data(data)
        connection.sendall(h2.data_to_send())
        if any(isinstance(event, StreamEnded | StreamReset) for event in events):
            return


ATTACKS: dict[Callable[[Address], None], bytes] = {
    undecodable: FORBIDDEN,
    failing_judge: FORBIDDEN,
    hidden_in_http2: b"GET /image/download?url=",
}


def test_without_an_attack_it_looks_as_if_it_worked(recorder: Recorder, tmp_path: Path) -> None:
    with mitmdump(recorder, tmp_path, "--mode", f"reverse:{recorder.url}", script=NAIVE) as port:
        recorder.reset()
        plainly(("127.0.0.1", port))
        assert b"".join(recorder.raw) == b""
        assert statuses(("127.0.0.1", port), b"ordinary") == [201]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_an_attack_gets_past_a_naive_addon(
    recorder: Recorder, tmp_path: Path, attack: Callable[[Address], None]
) -> None:
    with mitmdump(recorder, tmp_path, "--mode", f"reverse:{recorder.url}", script=NAIVE) as port:
        recorder.reset()
        attack(("127.0.0.1", port))
        until(lambda: ATTACKS[attack] in b"".join(recorder.raw), "the attack did not get past it")


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_the_same_attack_gets_nothing_past_ours(recorder: Recorder, attack: Callable[[Address], None]) -> None:
    class Failing(FakeJudge):
        async def judge(self, *_: object) -> Any:
            raise MemoryError

    for judge in (FakeJudge(), Failing()):
        with RunningFilter(config(recorder.address), judge) as gate:
            attack(gate.address)
        assert not any(recorder.raw)


def test_a_naive_script_that_is_broken_while_it_runs(recorder: Recorder, tmp_path: Path) -> None:
    """A3: mitmproxy goes on without it. Ours: test_gate.py."""
    script = tmp_path / "naive.py"
    script.write_text(Path(NAIVE).read_text())
    with mitmdump(recorder, tmp_path, "--mode", f"reverse:{recorder.url}", script=str(script)) as port:
        script.write_text("def broken(:")
        recorder.reset()
        until(lambda: statuses(("127.0.0.1", port), FORBIDDEN) == [201], "it still refuses")
        assert FORBIDDEN in b"".join(recorder.raw)


@pytest.mark.parametrize("option", [("--ignore-hosts", ".*"), ("--set", "stream_large_bodies=1")])
def test_an_option_that_opens_a_naive_gate(recorder: Recorder, tmp_path: Path, option: tuple[str, ...]) -> None:
    """A5: the addon sees no body, or nothing at all. Ours does not start: test_gate.py."""
    with mitmdump(recorder, tmp_path, "--mode", f"reverse:{recorder.url}", *option, script=NAIVE) as port:
        recorder.reset()
        plainly(("127.0.0.1", port))
        assert FORBIDDEN in b"".join(recorder.raw)


def test_a_users_configuration_that_opens_a_naive_gate(recorder: Recorder, tmp_path: Path) -> None:
    """A3: mitmproxy reads one from the user's home. Ours does not start: test_gate.py."""
    (tmp_path / "config.yaml").write_text("ignore_hosts: ['.*']\n")
    with mitmdump(recorder, tmp_path, "--mode", f"reverse:{recorder.url}", script=NAIVE) as port:
        recorder.reset()
        plainly(("127.0.0.1", port))
        assert FORBIDDEN in b"".join(recorder.raw)
