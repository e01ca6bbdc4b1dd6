"""The web as the filter sees it in these tests: one host, whose addresses say what is found there.

/ok/..          a picture of its own bytes         /gone/..     404
/forbidden/..   one that does not pass             /empty/..    nothing
/moved/X        a redirect to /X                /turns/..    another one each time, that says it is the same
"""

from __future__ import annotations

import contextlib
import itertools
import socket
from collections.abc import Iterator
from unittest.mock import patch
from urllib.parse import urlsplit

from aiohttp.abc import ResolveResult

from addons.fetch import address
from addons.fetch.resolver import SystemResolver
from tests.http1 import Request, write_answer
from tests.property.drafts import SITE
from tests.recorder import Recorder
from tests.running import FORBIDDEN

HOST = urlsplit(SITE).netloc
_turns = itertools.count(1)


def page(request: Request) -> bytes:
    """What is found at an address."""
    path = request.target.partition("?")[0]
    if path.startswith("/moved/"):
        return write_answer(302, headers={"Location": SITE + request.target.removeprefix("/moved")})
    if path.startswith("/ok/"):
        return write_answer(200, b"a picture from " + request.target.encode("latin-1"), {"ETag": '"1"'})
    if path.startswith("/forbidden/"):
        return write_answer(200, FORBIDDEN + b" picture from " + request.target.encode("latin-1"), {"ETag": '"1"'})
    if path.startswith("/turns/"):
        return write_answer(200, b"picture %d" % next(_turns), {"ETag": '"1"'})
    return write_answer(200 if path.startswith("/empty/") else 404)


@contextlib.contextmanager
def web() -> Iterator[Recorder]:
    """The site, and for as long as it runs a filter of this process can ask no other machine, whatever it is told."""
    with Recorder(page) as site:

        async def resolve(
            self: SystemResolver, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
        ) -> list[ResolveResult]:
            if host != HOST:
                raise OSError("no such host in these tests")
            found, at = site.address
            return [ResolveResult(hostname=host, host=found, port=at, family=socket.AF_INET, proto=0, flags=0)]

        with patch.object(SystemResolver, "resolve", resolve), patch.object(address, "is_public", lambda _: False):
            yield site
