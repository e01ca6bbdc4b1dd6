"""Whatever bytes come, pict-rs sees from nginx only views of stored pictures, in the filter's own spelling.

Requests that would go straight, and their neighbours, are spoilt; hypothesis chooses how, and makes small what fails.
"""

from __future__ import annotations

import contextlib
import socket
from random import Random

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from addons.gatekeeper import PASSED_HEADERS
from addons.pictrs import routes
from addons.pictrs.routes import CANONICAL, Body, Kind
from tests.docker.conftest import Site
from tests.docker.lines import FILTERED, STORED
from tests.property import strict
from tests.property.mangle import mangle
from tests.property.test_property import SEED

EXAMPLES = 600
PATIENCE = 0.05
"""Seconds until the rest of what nginx waits for is said not to come. Too short on a busy machine, it tells less."""
HEADERS = (b"", b"Connection: close\r\n", b"Cookie: jwt=x\r\n", b"Range: bytes=0-9\r\n", b"Content-Length: 0\r\n")

randoms = st.randoms(use_true_random=False)


def request(random: Random) -> bytes:
    """A request, its line spoilt, or all of it, or nothing."""
    line = random.choice(random.choice((STORED, STORED, FILTERED))).encode("latin-1")
    if random.randrange(2):
        line = mangle(line, random, (random.choice(FILTERED).encode("latin-1"),))
    whole = line + b"\r\nHost: x\r\n" + random.choice(HEADERS) + random.choice(HEADERS) + b"\r\n"
    return mangle(whole, random) if random.randrange(2) else whole


def send(address: tuple[str, int], data: bytes) -> None:
    """Send it, and hear out what comes until nginx hangs up; say that nothing more comes when it waits."""
    with socket.create_connection(address, timeout=PATIENCE) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(data)
        with contextlib.suppress(TimeoutError):
            while connection.recv(65536):
                pass
            return
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(10)
        while connection.recv(65536):
            pass


def check(record: bytes, sent: list[bytes]) -> int:
    """Hold what came on one connection to pict-rs against the table of routes. Gives the number of requests."""
    found = strict.requests(record)
    for message in found:
        method, target = message.start
        match = routes.match(method.encode(), target.encode())
        assert (match.route.kind, match.route.body, match.proxy) == (Kind.READ, Body.NONE, None)
        assert not match.route.proxied
        assert (match.route.fetching, match.route.internal) == (False, None)
        assert match.target() == target
        assert CANONICAL.fullmatch(target.encode())
        assert {name.encode() for name, _ in message.headers} <= PASSED_HEADERS | {b"host"}
        assert message.body == b""
        assert any(f"{method} {target} HTTP/1.".encode() in each for each in sent), "what was matched is what is sent"
    return len(found)


def test_pict_rs_sees_views_of_stored_pictures_and_nothing_else(site: Site) -> None:
    sent: list[bytes] = []
    counted = [0, 0]

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(randoms)
    def one(random: Random) -> None:
        data = request(random)
        sent.append(data)
        site.reset()
        send(site.nginx.address, data)
        counted[0] += sum(check(record, sent[-2:]) for record in site.storage.raw)
        counted[1] += bool(site.filtered)

    one()
    assert counted[0] > EXAMPLES / 20, "it says nothing about what never happens"
    assert counted[1] > EXAMPLES / 20
