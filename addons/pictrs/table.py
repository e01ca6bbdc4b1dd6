"""The requests that may reach pict-rs, as a table: method, path, query grammar, versions, and what is done with them.

Read from what pict-rs 0.3.0-alpha.42, 0.4.8, 0.5.25 and 0.6.0-rc.6 register (`configure_endpoints`) and deserialise.
What is in no row does not exist here: 0.3's `/internal/filename`, 0.4's `/internal/prepare_upgrade`. Rows of one path
and method differ in the source that their query names. The README's table is made of this one (manual.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, get_args

from addons.pictrs.query import NAME
from config.settings import InternalRoute

INTERNAL_API: Final[tuple[str, ...]] = get_args(InternalRoute)
"""What can be enabled of pict-rs's /internal/, by the name of the path; each asks for its API key (`x-api-token`)."""

FORMAT: Final = re.compile(r"apng|avif|gif|jpe?g|jxl|png|webp")
"""What pict-rs makes of a picture (0.5's `InputProcessableFormat`). With another, 0.5 fetches first and fails then."""
STAGED: Final = re.compile(
    r"http://(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?/v/[A-Za-z0-9_-]{1,16384}"
)
"""What stands in place of the address of a proxied picture: an address of our own callback listener."""

_NUMBER = re.compile(r"[0-9]{1,9}")
_SIZE = re.compile(r"[0-9]{1,5}")
_BOOL = re.compile(r"true|false")
_URL = re.compile(r"[^\x00-\x20\x7f]+")
_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_SLUG = re.compile(r"[A-Za-z0-9_-]{1,254}={0,2}")  # 0.5's `hash_to_slug`: URL-safe base64 with padding

INGEST: Final[Mapping[str, re.Pattern[str]]] = {
    "max_width": _NUMBER,
    "max_height": _NUMBER,
    "max_area": _NUMBER,
    "max_frame_count": _NUMBER,
    "max_file_size": _NUMBER,
    "allow_image": _BOOL,
    "allow_animation": _BOOL,
    "allow_video": _BOOL,
    "resize": _SIZE,
    "thumbnail": _SIZE,
}
"""Keys of an upload: 0.5's `UploadQuery`; older versions know fewer and ignore the rest. From 0.5.11 every other key is
a processing step, applied after the filter has judged: scaling down is allowed, `crop` and `blur` are not."""

OPERATIONS: Final[Mapping[str, re.Pattern[str]]] = {
    "resize": re.compile(r"(?:[A-Za-z0-9]{0,20}\.a?)?[0-9]{1,9}"),  # 200, Lanczos.200, Mitchell.a40000, .a40000
    "thumbnail": _SIZE,
    "crop": re.compile(r"[0-9]{1,2}x[0-9]{1,2}"),  # a ratio, each side 1 to 20
    "blur": re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,6})?"),
    "identity": re.compile(r"(?:true|false)?"),
}
"""Steps of `process.{format}` (pict-rs's processor.rs), applied to what was judged when it came in. pict-rs lower-cases
a key to see whether it is allowed and compares it as it is to find the step: `Crop` is an error there, here a 400."""


class Kind(StrEnum):
    """How a request is treated."""

    UPLOAD = "upload"  # a body with files: judged, rebuilt
    IMPORT = "import"  # the same, and the file names are aliases; x-api-token goes on
    DOWNLOAD = "download"  # an address: fetched here, judged, sent on as an upload
    READ = "read"  # views and look-ups: rebuilt without a body
    STATE = "state"  # changes what is stored, brings no media in: rebuilt without a body
    INTERNAL = "internal"  # for holders of the API key, brings no media in: x-api-token goes on


class Body(StrEnum):
    """What a request of a row carries."""

    NONE = "none"
    FILES = "files"  # multipart/form-data (addons.pictrs.multipart)
    ALIAS = "alias"  # application/json, `{"alias": NAME}` (addons.pictrs.query.alias_body)


@dataclass(frozen=True)
class Grammar:
    """The keys that a query may hold, each with the pattern of its decoded value.

    one_of    of these exactly one stands: what the request is about
    ours      what the filter keeps to itself
    """

    keys: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    one_of: frozenset[str] = frozenset()
    ours: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Route:
    """One row. `path` has `{name}`, `{token}` and `{format}` for placeholders.

    versions    of pict-rs: `all` (from 0.3), or `0.5+`, `0.5.7+`
    note        one sentence for the README
    upstream    the path that pict-rs is sent, by the value of `backgrounded`; None: the request's own
    verbatim    not None where `proxy=` may stand unescaped: the keys that may follow it (query.read_verbatim)
    fetching    whether a GET makes pict-rs fetch the remote picture when it has none; all others only look it up
    """

    methods: tuple[str, ...]
    path: str
    kind: Kind
    versions: str
    note: str
    grammar: Grammar = Grammar()
    body: Body = Body.NONE
    upstream: Mapping[str, str] | None = None
    verbatim: frozenset[str] | None = None
    fetching: bool = False

    @property
    def internal(self) -> str | None:
        """The name in INTERNAL_API that enables this row; None: it is always there. Its requests carry x-api-token."""
        head, _, name = self.path.rpartition("/")
        return name if head == "/internal" else None

    @property
    def proxied(self) -> bool:
        """Whether the request names a remote picture by `proxy=`, which must be staged."""
        return "proxy" in self.grammar.keys


def _by(*sources: str, also: Mapping[str, re.Pattern[str]] | None = None) -> Grammar:
    keys = {source: _URL if source == "proxy" else NAME for source in sources}
    return Grammar({**keys, **(also or {})}, frozenset(sources))


_ALIAS = _by("alias")
_PROXY = _by("proxy")
_PROCESS = _by("src", "alias", also=OPERATIONS)
_PROCESS_PROXY = _by("proxy", also=OPERATIONS)
_DOWNLOAD = Grammar(
    {"url": _URL, "backgrounded": _BOOL, **INGEST}, frozenset({"url"}), frozenset({"url", "backgrounded"})
)

_VIEW = ("GET", "HEAD")
_JUDGED = "judged, then sent on as a newly written request"
_PASSED = "passed on"
_FROM_0_4 = "passed on; HEAD from 0.4"
_PROCESSED = "passed on; `alias=` from 0.5"
_FETCHED = "passed on with an address of the filter's own; what pict-rs does not have a GET makes it ask for there"
_LOOKED_UP = "passed on with that address; nothing is fetched"

ROUTES: Final[tuple[Route, ...]] = (
    Route(("POST",), "/image", Kind.UPLOAD, "all", _JUDGED, Grammar(INGEST), Body.FILES),
    Route(("POST",), "/image/backgrounded", Kind.UPLOAD, "0.4+", _JUDGED, Grammar(INGEST), Body.FILES),
    Route(
        ("GET",),
        "/image/download",
        Kind.DOWNLOAD,
        "all",
        "fetched by the filter, judged, then sent as an upload (a backgrounded one, if asked); pict-rs fetches nothing",
        _DOWNLOAD,
        upstream={"false": "/image", "true": "/image/backgrounded"},
    ),
    Route(("GET",), "/image/backgrounded/claim", Kind.READ, "0.4+", _PASSED, _by("upload_id")),
    Route(_VIEW, "/image/original/{name}", Kind.READ, "all", _FROM_0_4),
    Route(_VIEW, "/image/original", Kind.READ, "0.5+", _PASSED, _ALIAS),
    Route(_VIEW, "/image/original", Kind.READ, "0.5+", _FETCHED, _PROXY, verbatim=frozenset(), fetching=True),
    Route(_VIEW, "/image/process.{format}", Kind.READ, "all", f"{_FROM_0_4}, `alias=` from 0.5", _PROCESS),
    Route(
        _VIEW,
        "/image/process.{format}",
        Kind.READ,
        "0.5+",
        _FETCHED,
        _PROCESS_PROXY,
        verbatim=frozenset({"thumbnail"}),
        fetching=True,
    ),
    Route(("GET",), "/image/process_backgrounded.{format}", Kind.READ, "0.4+", _PROCESSED, _PROCESS),
    Route(("GET",), "/image/process_backgrounded.{format}", Kind.READ, "0.5+", _LOOKED_UP, _PROCESS_PROXY),
    Route(("GET",), "/image/details/original/{name}", Kind.READ, "all", _PASSED),
    Route(("GET",), "/image/details/original", Kind.READ, "0.5+", _PASSED, _ALIAS),
    Route(("GET",), "/image/details/original", Kind.READ, "0.5+", _LOOKED_UP, _PROXY),
    Route(("GET",), "/image/details/process.{format}", Kind.READ, "all", _PROCESSED, _PROCESS),
    Route(("GET",), "/image/details/process.{format}", Kind.READ, "0.5+", _LOOKED_UP, _PROCESS_PROXY),
    Route(("GET",), "/image/blurhash", Kind.READ, "0.5.7+", _PASSED, _ALIAS),
    Route(("GET",), "/image/blurhash", Kind.READ, "0.5.7+", _FETCHED, _PROXY, fetching=True),
    Route(("GET", "DELETE"), "/image/delete/{token}/{name}", Kind.STATE, "all", _PASSED),
    Route(("GET",), "/healthz", Kind.READ, "0.4+", _PASSED),
    Route(
        ("POST",),
        "/internal/import",
        Kind.IMPORT,
        "all",
        "judged, then sent on as a newly written request; the file name becomes the alias and must be a plain one",
        Grammar(INGEST),
        Body.FILES,
    ),
    Route(("POST",), "/internal/purge", Kind.INTERNAL, "all", _PASSED, _ALIAS),
    Route(("POST",), "/internal/purge", Kind.INTERNAL, "0.5+", _LOOKED_UP, _PROXY),
    Route(("POST",), "/internal/delete", Kind.INTERNAL, "0.5+", _PASSED, _ALIAS),
    Route(("POST",), "/internal/delete", Kind.INTERNAL, "0.5+", _LOOKED_UP, _PROXY),
    Route(("GET",), "/internal/aliases", Kind.INTERNAL, "all", _PASSED, _ALIAS),
    Route(("GET",), "/internal/aliases", Kind.INTERNAL, "0.5+", _LOOKED_UP, _PROXY),
    Route(("GET",), "/internal/identifier", Kind.INTERNAL, "0.4+", _PASSED, _ALIAS),
    Route(("GET",), "/internal/identifier", Kind.INTERNAL, "0.5+", _LOOKED_UP, _PROXY),
    Route(
        ("POST",),
        "/internal/set_not_found",
        Kind.INTERNAL,
        "0.4+",
        'passed on, with the body `{"alias": NAME}` newly written',
        body=Body.ALIAS,
    ),
    Route(("DELETE",), "/internal/variants", Kind.INTERNAL, "0.4+", _PASSED),
    Route(
        ("GET",),
        "/internal/hashes",
        Kind.INTERNAL,
        "0.5+",
        _PASSED,
        Grammar({"slug": _SLUG, "timestamp": _RFC3339, "limit": _NUMBER}),
    ),
    Route(("POST",), "/internal/prune_missing", Kind.INTERNAL, "0.4+", _PASSED, Grammar({"force": _BOOL})),
    Route(("POST",), "/internal/export", Kind.INTERNAL, "0.4+", "passed on; from 0.6 only where pict-rs runs on sled"),
    Route(("GET",), "/internal/limits", Kind.INTERNAL, "0.6+", _PASSED),
)
