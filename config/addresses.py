"""The addresses in the settings as text: where the filter listens, where pict-rs is, and whether the two are one. Pure.

Nothing is resolved here, so a host name may still lead back to the filter; what can be told from the text is told.
"""

from __future__ import annotations

import ipaddress
import re

from config.problems import wrong

MAX_PORT = 65_535
HTTP_PORT = 80

_LISTEN = re.compile(r"(?P<host>[0-9.]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")
_UPSTREAM = re.compile(r"http://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?/?")
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 -- compared, not bound


def check_listen(value: str) -> str:
    """Return `value` if it is ADDRESS:PORT; port 0 lets the system choose."""
    match = _LISTEN.fullmatch(value)
    if not match or not _is_address(match["host"]) or int(match["port"]) > MAX_PORT:
        hint = "the address is one of this machine: 127.0.0.1, 0.0.0.0 (every one), [::1] or [::]"
        raise wrong("must be ADDRESS:PORT, for example 0.0.0.0:8080", hint)
    return value


def check_upstream(value: str) -> str:
    """Return `value` without a slash at its end if it is http://HOST or http://HOST:PORT."""
    match = _UPSTREAM.fullmatch(value)
    valid = match is not None and (not match["host"].startswith("[") or _is_address(match["host"]))
    if not match or not valid or not 0 < int(match["port"] or HTTP_PORT) <= MAX_PORT:
        raise wrong("must be http://HOST:PORT of pict-rs, for example http://pictrs-upstream:8080", "no path, no https")
    return value.rstrip("/")


def check_callback(value: str) -> str:
    """Return `value` without a slash at its end if it is auto, or http://HOST:PORT of the filter for pict-rs."""
    if value == "auto":
        return value
    match = _UPSTREAM.fullmatch(value)
    valid = match is not None and (not match["host"].startswith("[") or _is_address(match["host"]))
    if not match or not valid or not 0 < int(match["port"] or HTTP_PORT) <= MAX_PORT:
        hint = "the filter's own name and the port of callback.listen, as pict-rs reaches them; no path, no https"
        raise wrong("must be auto or http://HOST:PORT, for example http://pictrs-filter:8082", hint)
    return value.rstrip("/").lower()


def check_network(value: str) -> str:
    """Return `value` if it is an IPv4 or IPv6 network in CIDR notation."""
    try:
        ipaddress.ip_network(value)
    except ValueError as error:
        raise wrong("must be a network such as 127.0.0.0/8 or fd00::/8", str(error)) from None
    return value


def split_listen(value: str) -> tuple[str, int]:
    """(host, port) of a checked `listen`."""
    return _split(_LISTEN, value)


def split_upstream(value: str) -> tuple[str, int]:
    """(host, port) of a checked `upstream`; without a port it is 80."""
    return _split(_UPSTREAM, value)


def is_loop(listen: tuple[str, int], upstream: tuple[str, int]) -> bool:
    """Whether what connects to `upstream` reaches what listens on `listen`."""
    if listen[1] != upstream[1]:
        return False
    here, there = _loopback(listen[0]), _loopback(upstream[0])
    return listen[0] == upstream[0] or (there is not None and (listen[0] in EVERYWHERE or here == there))


def _loopback(host: str) -> str | None:
    """The loopback address that a connection to `host` ends at, or None. 0.0.0.0 and :: lead there too."""
    if host in ("localhost", *EVERYWHERE):
        return "::1" if host == "::" else "127.0.0.1"
    return host if _is_address(host) and ipaddress.ip_address(host).is_loopback else None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _split(pattern: re.Pattern[str], value: str) -> tuple[str, int]:
    match = pattern.fullmatch(value)
    if match is None:
        raise ValueError(f"not a checked address: {value}")
    return match["host"].strip("[]"), int(match["port"] or HTTP_PORT)
