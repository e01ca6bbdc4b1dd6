"""Requests as values that can be spoilt before they are written: what ordinary clients of each route send.

Rules this file keeps: nothing is checked, so that every broken request can be written down; every choice comes from the
`random` that is given, so that hypothesis can make it, and shrink it, as well as the fuzzer. Every file has bytes of
its own, so that one which was not judged cannot pass for another that was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from urllib.parse import quote

from tests.property.judge import STILL_END
from tests.running import FORBIDDEN

SITE = "http://pictures.test"
"""Where remote pictures lie; harness.py has the only resolver that knows it."""
SECRET = b"jwt-of-a-user"
"""The value of fields that never go on."""
KEY = b"the-api-key"
SMUGGLED = b"POST /image HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 9\r\n\r\nforbidden"
"""A request that is hidden in another one's bytes, or behind it."""


@dataclass
class Part:
    """One part of a form. `lines` are header lines without their ends."""

    lines: list[bytes]
    data: bytes
    end: bytes = b"\r\n"

    def write(self) -> bytes:
        """As it stands behind a boundary line."""
        return self.end.join(self.lines) + self.end * 2 + self.data


@dataclass
class Form:
    """A body of parts."""

    boundary: bytes
    parts: list[Part]
    before: bytes = b""
    after: bytes = b"--\r\n"

    def write(self) -> bytes:
        """The whole body."""
        line = b"--" + self.boundary
        return (
            self.before + b"".join(line + b"\r\n" + part.write() + b"\r\n" for part in self.parts) + line + self.after
        )


@dataclass
class Draft:
    """One request. `headers` are whole lines with their ends; `length`: whether a Content-Length line is added.

    kind      the name in KINDS
    passes    whether it reaches pict-rs, unspoilt
    raw       stands in place of the whole body as it is written
    """

    kind: str
    method: bytes
    target: bytes
    headers: list[bytes]
    form: Form | None = None
    body: bytes = b""
    passes: bool = True
    version: bytes = b"HTTP/1.1"
    first_end: bytes = b"\r\n"
    length: bool = True
    raw: bytes | None = None
    before: bytes = b""
    after: bytes = b""

    def content(self) -> bytes:
        """The body, without chunks."""
        return self.form.write() if self.form else self.body

    def write(self) -> bytes:
        """The whole request."""
        body = self.content()
        headers = b"".join(self.headers)
        if self.length and (body or self.method == b"POST"):
            headers += b"Content-Length: %d\r\n" % len(body)
        first = b" ".join(piece for piece in (self.method, self.target, self.version) if piece)
        return b"".join(
            (self.before, first, self.first_end, headers, b"\r\n", body if self.raw is None else self.raw, self.after)
        )


def field_line(name: bytes, value: bytes) -> bytes:
    """A header line."""
    return name + b": " + value + b"\r\n"


def nonce(random: Random) -> bytes:
    """Eight hex digits."""
    return b"%08x" % random.getrandbits(32)


def media(random: Random) -> tuple[bytes, bool]:
    """(a file, whether it passes): every third is forbidden, and some look like requests or forms."""
    forbidden = random.randrange(3) == 0
    bait = random.choice(
        (
            b"",
            b"",
            b"\x89PNG\r\n\x1a\n\x00\xff",
            b"\r\n--b1--\r\n",
            STILL_END + FORBIDDEN + b" behind the end",
            b"\r\n\r\nPOST /image HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
            b"\r\n0\r\n\r\nGET /image/original?proxy=http://pictures.test/x HTTP/1.1\r\n\r\n",
        )
    )
    return (FORBIDDEN if forbidden else b"ordinary") + b" " + nonce(random) + bait, not forbidden


KNOWN = tuple(f"{SITE}/{kind}/{number}.png" for kind in ("ok", "turns") for number in range(3))
"""Addresses that come again and again, so that pict-rs has something of them. `turns` is another picture each time."""


def address(random: Random) -> tuple[str, bool]:
    """(the address of a remote picture, whether it passes)."""
    if random.randrange(3) == 0:
        return random.choice(KNOWN), True
    found = random.choice(("ok", "ok", "ok", "forbidden", "forbidden", "gone", "empty", "moved/ok", "moved/forbidden"))
    query = random.choice(("", "", "?w=1", "?a=1&b=2", "?thumbnail=5&x=%2F"))
    return f"{SITE}/{found}/{nonce(random).decode()}.png{query}", found.endswith("ok")


def _alias(random: Random) -> str:
    return random.choice(("a.png", "2f1e7c.webp", "A_b-c.jpeg", "..png", "x")) + random.choice(("", "1", "_"))


def _steps(random: Random) -> str:
    return random.choice(("", "", "&thumbnail=96", "&resize=200", "&blur=1.5", "&crop=16x9", "&resize=Lanczos.40"))


def _files(kind: str, target: str) -> Callable[[Random], Draft]:
    def make(random: Random) -> Draft:
        files = [media(random) for _ in range(random.choice((1, 1, 1, 2, 2, 3)))]
        passes = all(passing for _, passing in files)
        parts = []
        for number, (data, _) in enumerate(files):
            name = b"import%d-%s.png" % (number, nonce(random)) if kind == "import" else b"a b (1).png"
            lines = [b'Content-Disposition: form-data; name="images[]"; filename="%s"' % name]
            more = random.choice(((), (b"Content-Type: image/png",), (b"Content-Length: %d" % len(data),)))
            parts.append(Part([*lines, *more], data))
        boundary = b"b" + nonce(random)
        headers = [field_line(b"Content-Type", b"multipart/form-data; boundary=" + boundary)]
        if kind == "import":
            headers.append(field_line(b"X-Api-Token", KEY))
        whole = target + (
            random.choice(("?resize=200", "?max_width=10&allow_video=false")) if kind == "limited" else ""
        )
        return Draft(kind, b"POST", whole.encode(), headers, Form(boundary, parts), passes=passes)

    return make


def _plain(kind: str, method: str, *targets: str) -> Callable[[Random], Draft]:
    """Targets may name `{alias}` and `{steps}`. What is internal carries the key."""

    def make(random: Random) -> Draft:
        target = random.choice(targets).format(alias=_alias(random), steps=_steps(random))
        chosen = random.choice(("GET", "GET", "HEAD")) if method == "VIEW" else method
        headers = [field_line(b"X-Api-Token", KEY)] if target.startswith("/internal/") else []
        return Draft(kind, chosen.encode(), target.encode(), headers)

    return make


def _proxied(kind: str, method: str, *paths: str) -> Callable[[Random], Draft]:
    """Requests about a remote picture: they reach pict-rs whatever is there, and bring nothing in by themselves."""

    def make(random: Random) -> Draft:
        path = random.choice(paths)
        url, _ = address(random)
        written = url if kind == "verbatim" else quote(url, safe=random.choice(("", "", ":/")))
        trail = _steps(random) if "process" in path and kind == "proxied" else ""
        headers = [field_line(b"X-Api-Token", KEY)] if path.startswith("/internal/") else []
        return Draft(kind, method.encode(), f"{path}?proxy={written}{trail}".encode(), headers)

    return make


def _download(random: Random) -> Draft:
    url, passes = address(random)
    more = random.choice(("", "", "&backgrounded=true", "&backgrounded=false", "&resize=40"))
    target = f"/image/download?url={quote(url, safe='')}{more}"
    return Draft("download", b"GET", target.encode(), [], passes=passes)


def _set_not_found(random: Random) -> Draft:
    headers = [field_line(b"X-Api-Token", KEY), field_line(b"Content-Type", b"application/json")]
    body = b'{ "alias": "%s" }' % _alias(random).encode()
    return Draft("set_not_found", b"POST", b"/internal/set_not_found", headers, body=body)


KINDS: dict[str, Callable[[Random], Draft]] = {
    "upload": _files("upload", "/image"),
    "limited": _files("limited", "/image"),
    "backgrounded": _files("backgrounded", "/image/backgrounded"),
    "import": _files("import", "/internal/import"),
    "download": _download,
    "proxied": _proxied("proxied", "GET", "/image/original", "/image/process.webp", "/image/blurhash"),
    "verbatim": _proxied("verbatim", "GET", "/image/original", "/image/process.jpg"),
    "looked up": _proxied("looked up", "GET", "/image/details/original", "/image/details/process.webp"),
    "purge": _proxied("purge", "POST", "/internal/purge", "/internal/delete"),
    "view": _plain("view", "VIEW", "/image/original/{alias}", "/image/original?alias={alias}"),
    "process": _plain("process", "VIEW", "/image/process.png?src={alias}{steps}", "/image/process.avif?alias={alias}"),
    "details": _plain("details", "GET", "/image/details/original/{alias}", "/image/details/process.gif?src={alias}"),
    "other": _plain(
        "other",
        "GET",
        "/healthz",
        "/image/backgrounded/claim?upload_id={alias}",
        "/image/blurhash?alias={alias}",
        "/image/process_backgrounded.webp?src={alias}",
        "/image/delete/{alias}/{alias}",
    ),
    "delete": _plain("delete", "DELETE", "/image/delete/{alias}/{alias}", "/internal/variants"),
    "asked": _plain(
        "asked",
        "GET",
        "/internal/aliases?alias={alias}",
        "/internal/identifier?alias={alias}",
        "/internal/hashes?limit=5&timestamp=2024-01-01T00%3A00%3A00Z",
        "/internal/limits",
    ),
    "done": _plain(
        "done",
        "POST",
        "/internal/purge?alias={alias}",
        "/internal/delete?alias={alias}",
        "/internal/prune_missing?force=true",
        "/internal/export",
    ),
    "set_not_found": _set_not_found,
}
"""Ordinary requests, each of a route or of several alike."""

_SECRETS = (
    b"Cookie",
    b"Authorization",
    b"X-Forwarded-For",
    b"Forwarded",
    b"X-Real-IP",
    b"Via",
    b"Origin",
    b"User-Agent",
)
_PASSED = ((b"Accept", b"image/*"), (b"Range", b"bytes=0-9"), (b"If-None-Match", b'"x"'), (b"Accept-Encoding", b"gzip"))


def ordinary(random: Random, kinds: Sequence[str] = ()) -> Draft:
    """An ordinary request of one of these kinds (any, where none is named), with what clients send besides."""
    draft = KINDS[random.choice(tuple(kinds) or tuple(KINDS))](random)
    around = [field_line(name, SECRET) for name in random.sample(_SECRETS, random.randrange(3))]
    around += [field_line(*pair) for pair in random.sample(_PASSED, random.randrange(3))]
    draft.headers = [field_line(b"Host", b"pictrs:8080"), *around, *draft.headers]
    return draft
