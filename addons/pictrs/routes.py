"""Which row of the table a request matches, and what pict-rs is sent in its place.

Deny by default: what matches no row is a 404 and nothing goes upstream. pict-rs (actix-router) percent-decodes a path
once before it matches, except %25, %2F and %2B, so `/im%61ge` is its upload route; here too the path is decoded once
and matched, and never repaired: `//internal/purge`, `/image/` and `/IMAGE` are unknown here because they are there.
What goes upstream is always the canonical spelling built from the row, never the client's own bytes, and never the
address of a remote picture. Pure: values in, values out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from addons.pictrs import query as queries
from addons.pictrs.canonical import CANONICAL, path_pattern
from addons.pictrs.query import MAX_VALUE_BYTES, RouteError
from addons.pictrs.table import INTERNAL_API, ROUTES, STAGED, Body, Grammar, Kind, Route

__all__ = ["CANONICAL", "INTERNAL_API", "ROUTES", "Body", "Grammar", "Kind", "Match", "Route", "RouteError", "match"]

MAX_TARGET_BYTES: Final = 3 * MAX_VALUE_BYTES + 1024
"""Longest request target in bytes: an address of MAX_VALUE_BYTES of which each byte is escaped (`%2F`), and the longest
row around it. What goes upstream is no longer (a staged address is base64); pict-rs takes 65534 (the `http` crate)."""

_KEPT_ESCAPES = re.compile(r"%(?:25|2[Ff]|2[Bb])")
_PATTERNS = tuple((route, re.compile(path_pattern(route.path))) for route in ROUTES)


@dataclass(frozen=True)
class Match:
    """A request that the table knows.

    path     decoded and matched
    query    decoded, without `proxy`; for a download it has `url` and `backgrounded`, which pict-rs is not sent
    proxy    the address of the remote picture that the request is about, as the client meant it and not normalised
    """

    route: Route
    method: str
    path: str
    query: Mapping[str, str]
    proxy: str | None = None

    def target(self, staged: str | None = None) -> str:
        """The canonical request target for pict-rs, with the address `staged` in place of `proxy`.

        Raises ValueError when there is `proxy` and no `staged`, the other way round, or when `staged` has not the form
        of an address of our callback listener: the address of a remote picture cannot go upstream.
        """
        if (staged is None) != (self.proxy is None):
            raise ValueError("a staged address goes with a match that has one to replace, and with no other")
        if staged is not None and not STAGED.fullmatch(staged):
            raise ValueError("not a staged address")
        upstream = self.route.upstream
        path = self.path if upstream is None else upstream[self.query.get("backgrounded", "false")]
        grammar = self.route.grammar
        pairs = [(key, value) for key, value in self.query.items() if key not in grammar.ours]
        pairs.sort(key=lambda pair: pair[0] not in grammar.one_of)  # the source first, then steps in the client's order
        if staged is not None:
            pairs.insert(0, ("proxy", staged))
        written = queries.write(pairs)
        return f"{path}?{written}" if written else path


def match(method: bytes, target: bytes, internal_api: Collection[str] = ("purge", "delete")) -> Match:
    """Find the row for a raw request line.

    `method` and `target` are the client's own bytes, `internal_api` is what of INTERNAL_API is enabled: the rest is not
    there. Raises RouteError when there is no row (404), none for this method (405), or the query is not within the
    row's grammar (400).
    """
    if len(target) > MAX_TARGET_BYTES:
        raise RouteError(404, f"a target of more than {MAX_TARGET_BYTES} bytes")
    if not re.fullmatch(rb"/[\x21-\x7e]*", target) or b"#" in target:
        raise RouteError(404, "not a path in origin form")
    raw_path, _, raw_query = target.decode("ascii").partition("?")
    path = _decode_path(raw_path)
    there = [
        route
        for route, pattern in _PATTERNS
        if pattern.fullmatch(path) and (route.internal is None or route.internal in internal_api)
    ]
    if not there:
        raise RouteError(404, "no such route")
    name = method.decode("latin-1")
    rows = [route for route in there if name in route.methods]
    if not rows:
        raise RouteError(405, "no such method here")
    query = _read(raw_query, rows)
    route = _choose(query, rows)
    queries.check(query, route.grammar.keys)
    proxy = query.pop("proxy", None)
    return Match(route, name, path, query, proxy)


def _decode_path(raw: str) -> str:
    # A broken escape stays as it is, as in actix-router; no row has a `%`.
    protected = _KEPT_ESCAPES.sub(lambda found: "%25" + found[0][1:], raw)
    try:
        return unquote_to_bytes(protected).decode("ascii")
    except UnicodeDecodeError:
        raise RouteError(404, "a path that is not ASCII") from None


def _read(raw: str, rows: Sequence[Route]) -> dict[str, str]:
    for route in rows:
        if route.verbatim is not None:
            found = queries.read_verbatim(raw, route.verbatim)
            if found is not None:
                return found
    return queries.read(raw)


def _choose(query: Mapping[str, str], rows: Sequence[Route]) -> Route:
    """Choose the row whose source the query names. Rows of one path and method have no source in common."""
    sources = frozenset[str]().union(*(route.grammar.one_of for route in rows))
    named = sources & query.keys()
    if sources and len(named) != 1:
        raise RouteError(400, f"the query needs exactly one of: {', '.join(sorted(sources))}")
    return next(route for route in rows if named <= route.grammar.one_of)
