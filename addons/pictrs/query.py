"""What a request says besides its path, read strictly and written afresh: the query, and the one JSON body there is.

A query is read as pict-rs reads it (serde_urlencoded: `&` only, `+` is a space, keys are decoded and case-sensitive),
but for this: a key that stands twice is refused, because pict-rs's readers differ in which of two they take, and so is
everything that a grammar does not name. What is written is one spelling of what was read. Pure: values in, values out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final
from urllib.parse import quote, unquote_to_bytes

MAX_QUERY_KEYS: Final = 16
"""Most keys in one query. pict-rs knows fewer than this for any route."""
MAX_VALUE_BYTES: Final = 4096
"""Longest value of a key, decoded, in bytes of UTF-8. Only addresses come near; Lemmy takes one of 2000 for a post."""
MAX_ALIAS_BODY_BYTES: Final = 1024
"""Longest `{"alias": ...}` body: a name of 128 characters, each spelled `\\u0061`, and white space."""

NAME: Final = re.compile(r"(?!\.{1,2}(?:[/?&]|\Z))[A-Za-z0-9._-]{1,128}")
"""An alias, a delete token or an upload id: what pict-rs makes, and plain names for `/internal/import`."""
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")

_VERBATIM = re.compile(r"proxy=(https?://.*)")
_TRAILING = re.compile(r"(.*)&([a-z]+)=([0-9]+)")


class RouteError(Exception):
    """The request matches no row, or is not within the row's grammar. `status` is 404, 405 or 400.

    `reason` is a sentence for the client and the log, and holds nothing of the request.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def read(raw: str) -> dict[str, str]:
    """Keys and values of a raw query (ASCII, without its `?`), decoded, in their order. Raises RouteError (400)."""
    query: dict[str, str] = {}
    pairs = [pair for pair in raw.split("&") if pair]
    if len(pairs) > MAX_QUERY_KEYS:
        raise RouteError(400, f"more than {MAX_QUERY_KEYS} keys in the query")
    for pair in pairs:
        key, _, value = (_decode(piece) for piece in pair.partition("="))
        if key in query:
            raise RouteError(400, "a key stands twice in the query")
        query[key] = value
    return query


def read_verbatim(raw: str, trailing: Collection[str]) -> dict[str, str] | None:
    """Read a raw query in which an address stands unescaped after `proxy=`; None when none does.

    Lemmy 0.19 asks for views with `proxy={url}`, not escaped, so that the address's own query runs into pict-rs's
    (`proxy=http://h/q.jpg?width=640&s=a`). The rule: the query begins with `proxy=http://` or `proxy=https://` in just
    this spelling, and the address is all that follows, verbatim, less one last `&key=digits` whose key is in `trailing`
    (Lemmy writes its `&thumbnail=` there).

    - Nothing of the address is decoded: `%2F`, `%3F` and `+` stay, as they stood when Lemmy escaped the same address
      whole for `details`. So the half-escaped `proxy=http://h/q.jpg%3Fw%3D1` names a file `q.jpg%3Fw%3D1`.
    - A whole escaped address has `%3A` after its scheme, so both spellings cannot be meant at once.
    - The scheme in other cases is not this rule's: Lemmy prints parsed URLs, and these have it in lower case.
    - `&thumbnail=5` at the very end is ours even when it is the address's own: what Lemmy sends cannot tell them apart.
      In front of the last one it is the address's, and so is every other `&key=`, `alias` and `proxy` too: nothing of
      the address reaches pict-rs, so nothing in it can be taken for a key there.
    - A `#` ends a request target for Lemmy's client, so a fragment never comes, and the thumbnail after it neither.
    """
    found = _VERBATIM.fullmatch(raw)
    if not found:
        return None
    last = _TRAILING.fullmatch(found[1])
    if last and last[2] in trailing:
        return {"proxy": last[1], last[2]: last[3]}
    return {"proxy": found[1]}


def check(query: Mapping[str, str], keys: Mapping[str, re.Pattern[str]]) -> None:
    """Raise RouteError (400) unless each key is one of `keys` and its value full-matches the pattern there."""
    for key, value in query.items():
        pattern = keys.get(key)
        if pattern is None:
            raise RouteError(400, "a key in the query that is not known here")
        if len(value.encode()) > MAX_VALUE_BYTES:
            raise RouteError(400, f"the value of '{key}' in the query is longer than {MAX_VALUE_BYTES} bytes")
        if not pattern.fullmatch(value):
            raise RouteError(400, f"the value of '{key}' in the query is not one that is known")


def write(pairs: Iterable[tuple[str, str]]) -> str:
    """Write a query in its one canonical spelling: everything but `A-Za-z0-9._~-` is escaped."""
    return "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in pairs)


def alias_body(body: bytes) -> bytes:
    """Rebuild the JSON body of `/internal/set_not_found`: an object with the one key `alias`, and a name in it.

    Raises RouteError (400) for anything else. pict-rs 0.5 would take `proxy` there as well, only to refuse it.
    """
    if len(body) > MAX_ALIAS_BODY_BYTES:
        raise RouteError(400, f"a body of more than {MAX_ALIAS_BODY_BYTES} bytes")
    try:
        found = json.loads(body.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise RouteError(400, "a body that is not JSON") from None
    match found:
        case {"alias": str(name), **others} if NAME.fullmatch(name) and not others:
            return json.dumps({"alias": name}, separators=(",", ":")).encode("ascii")
    raise RouteError(400, 'a body that is not {"alias": NAME}')


def _once(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _decode(piece: str) -> str:
    if _BAD_ESCAPE.search(piece):
        raise RouteError(400, "a broken percent escape in the query")
    try:
        return unquote_to_bytes(piece.replace("+", " ")).decode("utf-8")
    except UnicodeDecodeError:
        raise RouteError(400, "a query that is not UTF-8") from None
