"""The requests that pict-rs may be sent, as patterns made of the table: of one path, and of all request targets.

CANONICAL is a second reading of the table, made without the code that writes targets (routes.Match.target): tests hold
the one against the other, and against everything that a recorder in pict-rs's place has seen. Pure.
"""

from __future__ import annotations

import re
from typing import Final

from addons.pictrs.query import NAME
from addons.pictrs.table import FORMAT, ROUTES, Route

_PLACEHOLDERS = {"{name}": NAME.pattern, "{token}": NAME.pattern, "{format}": FORMAT.pattern}

# Values in whose canonical spelling something is escaped; all others stand as they are read.
_ESCAPED = {
    "proxy": r"http%3A%2F%2F(?:[A-Za-z0-9._-]{1,253}|%5B(?:[0-9A-Fa-f.]|%3A){2,45}%5D)(?:%3A[0-9]{1,5})?"
    r"%2Fv%2F[A-Za-z0-9_-]{1,16384}",
    "slug": r"[A-Za-z0-9_-]{1,254}(?:%3D){0,2}",
    "timestamp": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}%3A[0-9]{2}%3A[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:Z|(?:-|%2B)[0-9]{2}%3A[0-9]{2})",
}
_TWICE = r"(?!.*[?&]([a-z_]+)=.*&\1=)"


def path_pattern(path: str) -> str:
    """Write the pattern of a row's path, its placeholders filled in, without groups that capture."""
    pieces = re.split(r"(\{[a-z]+\})", path)
    return "".join(f"(?:{_PLACEHOLDERS[p]})" if p in _PLACEHOLDERS else re.escape(p) for p in pieces)


def _target_pattern(route: Route) -> str:
    pairs = {key: f"{key}=(?:{_ESCAPED.get(key, value.pattern)})" for key, value in route.grammar.keys.items()}
    source = "|".join(pairs.pop(key) for key in sorted(route.grammar.one_of))
    pair = "|".join(pairs.values())
    more = f"(?:&(?:{pair}))*" if pair else ""
    if source:
        return rf"{path_pattern(route.path)}\?(?:{source}){more}"
    return path_pattern(route.path) + (rf"(?:\?(?:{pair}){more})?" if pair else "")


CANONICAL: Final[re.Pattern[bytes]] = re.compile(
    f"{_TWICE}(?:{'|'.join(_target_pattern(route) for route in ROUTES if route.upstream is None)})".encode("ascii")
)
"""Full-matches every request target that the filter may send to pict-rs, and nothing else. The rows with an `upstream`
of their own are not in it: pict-rs is sent another row in their place."""
