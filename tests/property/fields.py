"""Ways to spoil a request's header fields: how they are written, and fields that nobody may obey."""

from __future__ import annotations

from random import Random

from tests.property.drafts import SECRET, SMUGGLED, Draft, field_line


def headers(draft: Draft, random: Random) -> None:
    """One line twice, folded, ended, written or filled otherwise."""
    at = random.randrange(len(draft.headers))
    line = draft.headers[at]
    name, _, value = line.rstrip(b"\r\n").partition(b": ")
    draft.headers[at : at + 1] = random.choice(
        (
            [line, line],
            [line, field_line(name, b"other")],
            [field_line(name, b"other"), line],
            [field_line(name, value + b"\r\n folded: x")],
            [name + b": " + value[: len(value) // 2] + b"\r\n\t" + value[len(value) // 2 :] + b"\r\n"],
            [name + b": " + value + random.choice((b"\n", b"\r", b"\r\r\n", b"\n\r", b""))],
            [name + b" : " + value + b"\r\n"],
            [b" " + line],
            [name + b":" + value + b"\r\n"],
            [name + b":\t" + value + b" \t\r\n"],
            [name + b"\r\n"],
            [b": " + value + b"\r\n"],
            [name.upper() + b": " + value + b"\r\n"],
            [name + b"\x00: " + value + b"\r\n"],
            [name + b": " + value + random.choice((b"\x00", b"\x80\xff", b"\x0b", b"\x7f", b"\x1b[2J")) + b"\r\n"],
            [name + b": " + value + b"\nX-Api-Token: stolen\r\n"],
            [name + b": " + value + b"\rX-Api-Token: stolen\r\n"],
            [name + b": " + value + b"\r\n\r\n" + SMUGGLED],
            [name + b": " + b"a" * 9000 + b"\r\n"],
            [],
        )
    )


def fields(draft: Draft, random: Random) -> None:
    """Fields that change how a next reader sees the connection, or that would open something."""
    name, value = random.choice(
        (
            (b"Upgrade", b"websocket"),
            (b"Upgrade", b"h2c"),
            (b"Connection", b"Upgrade, HTTP2-Settings"),
            (b"Connection", b"close"),
            (b"Connection", b"Content-Length"),
            (b"Connection", b"X-Api-Token, x-pictrs-filter"),
            (b"Expect", b"100-continue"),
            (b"Expect", b"200-ok"),
            (b"Content-Encoding", b"gzip"),
            (b"Content-Encoding", b"identity"),
            (b"Content-Type", b"image/png"),
            (b"Host", b"127.0.0.1:9"),
            (b"X-Api-Token", SECRET),
            (b"X-Forwarded-Host", SECRET),
            (b"X-Pictrs-Filter", b"0" * 32),
            (b"X-Original-URL", b"/internal/import"),
            (b"Trailer", b"X-Api-Token"),
            (b"TE", b"trailers"),
            (b"Keep-Alive", b"timeout=1"),
            (b"Proxy-Connection", b"keep-alive"),
            (b"Accept", b"\xff\xfe"),
            (b"Accept", b"a" * 70000),
            (b"Range", b"bytes=0-0,1-1"),
            (b"If-Match", b"*"),
        )
    )
    draft.headers.insert(random.randrange(len(draft.headers) + 1), field_line(name, value))
