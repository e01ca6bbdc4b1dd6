"""What every request to the page must be, and what every answer says. Pure but for the middleware that applies it.

A page in a browser of the administrator's may be hostile, and reach what only that browser reaches. Against DNS
rebinding the Host must be ours; against forged forms (CSRF) a change must come from a page of our own.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL = frozenset({"localhost"})
_HOST = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: with that a browser sends `Origin: null` from our own forms (Fetch, "append a request Origin
    # header"), and over plain HTTP by a name no Sec-Fetch-Site either: nothing would tell them from forged ones.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""Header fields of every answer."""


def is_host(given: str, hosts: Collection[str]) -> bool:
    """Whether a Host header may be ours: an address (which no DNS can rebind), localhost, or one of `hosts`.

    The port is not looked at: a container's may be published under another.
    """
    found = _HOST.fullmatch(given)
    if not found:
        return False
    name = found["host"].lower()
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return name in LOCAL or name in hosts
    return True


def is_own(headers: Headers) -> bool:
    """Whether a form comes from a page of ours, as the browser says; every one of today's does."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is None and origin is None:
        return False
    if site is not None and site != "same-origin":
        return False
    return origin is None or _netloc(origin) == headers.get("host", "").lower()


def _netloc(origin: str) -> str | None:
    """Host and port of an Origin; None of text that is no address, for whoever sends it may send anything."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


class Guard:
    """Refuses a foreign Host with 421, and puts HEADERS on every answer."""

    def __init__(self, app: ASGIApp, hosts: Collection[str] = ()) -> None:
        self._app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        given = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if len(given) == 1 and is_host(given[0], self._hosts):
            await self._app(scope, receive, guarded)
        else:
            text = "This name is not known here. Ask by address, or put the name into admin.hosts of the settings.\n"
            await PlainTextResponse(text, 421)(scope, receive, guarded)
