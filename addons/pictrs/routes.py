"""The requests that may reach pict-rs, as a table: method, canonical path, query grammar, and what is sent upstream.

Deny by default: what matches no row is a 404 and nothing goes upstream. pict-rs (actix-router) percent-decodes a path
once before it matches, except %25, %2F and %2B, so `/im%61ge` is its upload route; here too the path is decoded once
and matched, and what goes upstream is always the canonical spelling built from the row, never the client's own bytes.
A query is read as serde_urlencoded does (`&` only, `+` is a space, keys are decoded and case-sensitive); a key that
stands twice, an unknown key or a value outside its pattern is a 400. Pure: values in, values out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import quote, unquote_to_bytes

MAX_TARGET_BYTES = 8192
"""Longest request target in bytes: what nginx takes by default (large_client_header_buffers), and Lemmy sends less."""
MAX_QUERY_KEYS = 16
"""Most keys in one query. pict-rs knows fewer than this for any route."""

_NAME = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,128}")
_FORMAT = re.compile(r"apng|avif|gif|jpe?g|jxl|png|webp")
_NUMBER = re.compile(r"[0-9]{1,9}")
_BOOL = re.compile(r"true|false")
_URL = re.compile(r"[^\x00-\x20\x7f]{1,4096}")

# pict-rs 0.5 `UploadQuery`; older versions know fewer keys and ignore the rest. From 0.5.11 it takes operations too,
# and applies them after the filter has judged: scaling down shows nothing new, `crop` and `blur` could: they are out.
_UPLOAD: dict[str, re.Pattern[str]] = {
    "max_width": _NUMBER,
    "max_height": _NUMBER,
    "max_area": _NUMBER,
    "max_frame_count": _NUMBER,
    "max_file_size": _NUMBER,
    "allow_image": _BOOL,
    "allow_animation": _BOOL,
    "allow_video": _BOOL,
    "resize": re.compile(r"[0-9]{1,5}"),
    "thumbnail": re.compile(r"[0-9]{1,5}"),
}
# pict-rs's processing operations on a stored picture; they are applied to what was judged when it came in.
_OPERATIONS: dict[str, re.Pattern[str]] = {
    "resize": re.compile(r"(?:[A-Za-z0-9]{1,20}\.)?a?[0-9]{1,9}"),
    "thumbnail": re.compile(r"[0-9]{1,5}"),
    "crop": re.compile(r"[0-9]{1,5}x[0-9]{1,5}"),
    "blur": re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,6})?"),
    "identity": re.compile(r"(?:true|false)?"),
}


class Kind(StrEnum):
    """How a request is treated."""

    UPLOAD = "upload"  # a body with files: judged, rebuilt
    DOWNLOAD = "download"  # an address: fetched here, judged, sent on as an upload
    READ = "read"  # brings no media in: rebuilt without a body
    STATE = "state"  # changes what is stored, brings no media in: rebuilt without a body


@dataclass(frozen=True)
class Grammar:
    """The keys that a query may hold, each with the pattern of its value; and of which exactly one must stand."""

    keys: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    one_of: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Route:
    """One row. `path` has `{placeholders}`; `upstream` is the path that pict-rs is sent (None: the same)."""

    methods: tuple[str, ...]
    path: str
    kind: Kind
    versions: str
    grammar: Grammar = Grammar()
    upstream: str | None = None


_SOURCE = {"src": _NAME, "alias": _NAME}
_ALIAS = Grammar({"alias": _NAME}, frozenset({"alias"}))
_PROCESS = Grammar({**_SOURCE, **_OPERATIONS}, frozenset(_SOURCE))

ROUTES: tuple[Route, ...] = (
    Route(("POST",), "/image", Kind.UPLOAD, "all", Grammar(_UPLOAD)),
    Route(
        ("GET",),
        "/image/download",
        Kind.DOWNLOAD,
        "all",
        Grammar({"url": _URL, "backgrounded": re.compile("false"), **_UPLOAD}, frozenset({"url"})),
        upstream="/image",
    ),
    Route(("GET", "HEAD"), "/image/original/{name}", Kind.READ, "all"),
    Route(("GET", "HEAD"), "/image/process.{format}", Kind.READ, "all", _PROCESS),
    Route(("GET",), "/image/details/original/{name}", Kind.READ, "0.3+"),
    Route(("GET",), "/image/details/process.{format}", Kind.READ, "0.3+", _PROCESS),
    Route(("GET",), "/image/process_backgrounded.{format}", Kind.READ, "0.4+", _PROCESS),
    Route(
        ("GET",),
        "/image/backgrounded/claim",
        Kind.READ,
        "0.4+",
        Grammar({"upload_id": _NAME}, frozenset({"upload_id"})),
    ),
    Route(("GET",), "/image/blurhash", Kind.READ, "0.5.7+", _ALIAS),
    Route(("GET", "DELETE"), "/image/delete/{name}/{name}", Kind.STATE, "all"),
    Route(("GET",), "/healthz", Kind.READ, "0.4+"),
)

_PLACEHOLDERS = {"{name}": _NAME.pattern, "{format}": _FORMAT.pattern}


def _pattern(path: str) -> re.Pattern[str]:
    pieces = re.split(r"(\{[a-z]+\})", path)
    return re.compile("".join(f"({_PLACEHOLDERS[p]})" if p in _PLACEHOLDERS else re.escape(p) for p in pieces))


_PATTERNS = tuple((route, _pattern(route.path)) for route in ROUTES)
_KEPT_ESCAPES = re.compile(r"%(?:25|2[Ff]|2[Bb])")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class RouteError(Exception):
    """The request matches no row, or its query breaks the row's grammar. `status` is 404, 405 or 400."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True)
class Match:
    """A request that the table knows: its row, its decoded query, and the canonical target to send upstream.

    `target` of a download leaves out `url` and `backgrounded`: it is the target of the upload that is sent instead.
    """

    route: Route
    method: str
    query: Mapping[str, str]
    target: str


def match(method: bytes, target: bytes) -> Match:
    """Find the row for a raw request line.

    `method` and `target` are the client's own bytes. Raises RouteError when there is no row or the query is not
    within the row's grammar.
    """
    if len(target) > MAX_TARGET_BYTES:
        raise RouteError(404, f"a target of more than {MAX_TARGET_BYTES} bytes")
    if not re.fullmatch(rb"/[\x21-\x7e]*", target) or b"#" in target:
        raise RouteError(404, "not a path in origin form")
    raw_path, _, raw_query = target.decode("ascii").partition("?")
    path = _decode_path(raw_path)
    candidates = [(route, found) for route, pattern in _PATTERNS if (found := pattern.fullmatch(path))]
    if not candidates:
        raise RouteError(404, "no such route")
    name = method.decode("latin-1")
    for route, _ in candidates:
        if name in route.methods:
            query = _parse_query(raw_query, route.grammar)
            return Match(route, name, query, _target(route, path, query))
    raise RouteError(405, "no such method here")


def _decode_path(raw: str) -> str:
    if _BAD_ESCAPE.search(raw):
        raise RouteError(404, "a broken percent escape in the path")
    protected = _KEPT_ESCAPES.sub(lambda found: "%25" + found[0][1:], raw)
    try:
        return unquote_to_bytes(protected).decode("ascii")
    except UnicodeDecodeError:
        raise RouteError(404, "a path that is not ASCII") from None


def _parse_query(raw: str, grammar: Grammar) -> dict[str, str]:
    query: dict[str, str] = {}
    pairs = [pair for pair in raw.split("&") if pair]
    if len(pairs) > MAX_QUERY_KEYS:
        raise RouteError(400, f"more than {MAX_QUERY_KEYS} keys in the query")
    for pair in pairs:
        key, _, value = (_decode_query(piece) for piece in pair.partition("="))
        pattern = grammar.keys.get(key)
        if pattern is None:
            raise RouteError(400, "a key in the query that is not known here")
        if key in query:
            raise RouteError(400, f"'{key}' stands twice in the query")
        if not pattern.fullmatch(value):
            raise RouteError(400, f"the value of '{key}' in the query is not one that is known")
        query[key] = value
    if grammar.one_of and len(grammar.one_of & query.keys()) != 1:
        raise RouteError(400, f"the query needs exactly one of: {', '.join(sorted(grammar.one_of))}")
    return query


def _decode_query(piece: str) -> str:
    if _BAD_ESCAPE.search(piece):
        raise RouteError(400, "a broken percent escape in the query")
    try:
        return unquote_to_bytes(piece.replace("+", " ")).decode("utf-8")
    except UnicodeDecodeError:
        raise RouteError(400, "a query that is not UTF-8") from None


def _target(route: Route, path: str, query: Mapping[str, str]) -> str:
    kept = {key: value for key, value in query.items() if route.kind is not Kind.DOWNLOAD or key in _UPLOAD}
    tail = "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in kept.items())
    return (route.upstream or path) + (f"?{tail}" if tail else "")
