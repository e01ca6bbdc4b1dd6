"""The request heads that Lemmy sends to pict-rs, version by version, as bytes to be filled in and put on a socket.

    seen=True    the request line and which headers there are were recorded between a running Lemmy (0.19.20 and
                 1.0.0-beta.1) and a running pict-rs; values and order are made up
    seen=False   written from Lemmy's sources: crates/routes/src/images*, crates/utils/src/request.rs (0.13),
                 crates/api_common/src/request.rs (0.14 to 0.19), crates/api/api_utils/src/request.rs (1.0)

How such a head comes about. Uploads and views copy the headers of the user's request, all but Accept-Encoding and
Host, in the order of actix-web's hash map, that is in none. Then `X-Forwarded-For` is added: once to uploads and
deletions, twice to views. The rest is the HTTP library's: awc up to 0.14 (it keeps the user's Host, streams uploads
chunked and adds Date), reqwest from 0.15 (default headers behind the others, Host last, all names in lower case; it
keeps the user's Content-Length). `connection: upgrade`, without Upgrade, is what the nginx.conf in Lemmy's repository
says for the location /pictrs. Requests of Lemmy's own have reqwest's few headers; `accept-encoding: gzip` from 0.18.

Placeholders: {alias} {token} of a stored picture; {boundary} {length} of an upload's body; {escaped} an address with
everything escaped but `A-Za-z0-9-._~` (`urlencoding` crate), {every} with everything but `A-Za-z0-9`
(NON_ALPHANUMERIC of `percent-encoding`), {verbatim} as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

JWT: Final = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIyIn0.c2lnbmF0dXJlLW9mLWEtdGVzdA"
VISITOR: Final = "203.0.113.77"  # RFC 5737: nobody's
BEHIND: Final = "172.29.8.4:51234"  # the front proxy, as Lemmy sees it
API_KEY: Final = "key-of-the-real-pict-rs"  # tests.pictrs.API_KEY
SECRETS: Final = (JWT, VISITOR, BEHIND, API_KEY, "Firefox/128", "great-post")
"""What is in these heads and is nobody's business: not in the log, and none but the API key on the way to pict-rs."""

V13, V15, V17, V19, V19_4, V1 = "0.13-0.14", "0.15-0.16", "0.17-0.18", "0.19.0-3", "0.19.4-20", "1.0.0-beta"

PICTRS: Final = {
    V13: ("0.3.0-alpha.42",),
    V15: ("0.3.0-alpha.42",),
    V17: ("0.3.0-alpha.42", "0.4.8"),
    V19: ("0.5.25",),
    V19_4: ("0.5.25",),
    V1: ("0.5.25", "0.6.0-rc.6"),
}
"""Which pict-rs stands behind which Lemmy here: those that their installations came with, or the next that builds."""


class Does(Enum):
    """What a request is for."""

    UPLOAD = "upload"
    SHRINK = "upload, scaled down"
    DOWNLOAD = "have an address fetched and stored"
    VIEW = "view of a stored picture"
    SMALL = "view, scaled down to 96 pixels"
    DELETE = "delete by token"
    PURGE = "delete all of a picture, by API key"
    MISSED = "a purge that pict-rs does not know"
    FORGET = "delete one alias, by API key"
    HEALTH = "is pict-rs there"
    FETCH = "first sight of a remote picture, when the post is made"
    DETAILS = "details of that"
    SEE = "view of a remote picture"
    SEE_SMALL = "the same, scaled down to 96 pixels"


@dataclass(frozen=True)
class Head:
    """One request head of one span of Lemmy's versions."""

    lemmy: str
    does: Does
    lines: str = field(repr=False)
    seen: bool = False

    def __str__(self) -> str:
        return f"{self.lemmy} {self.request}"

    @property
    def request(self) -> str:
        """Method and target."""
        return self.lines.partition(" HTTP/")[0]

    @property
    def method(self) -> str:
        """GET, POST or DELETE."""
        return self.lines.partition(" ")[0]

    def fill(self, **values: object) -> bytes:
        """The bytes, the empty line with them. Raises KeyError for a placeholder that is not given."""
        return (self.lines + "\n\n").format_map(values).replace("\n", "\r\n").encode()


_AGENT = "user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"

# What a browser's upload and its views carry by the time they have passed the nginx in front of Lemmy.
_UPLOAD = f"""\
content-type: multipart/form-data; boundary={{boundary}}
origin: https://lemmy.example
referer: https://lemmy.example/create_post?great-post
cookie: jwt={JWT}
sec-fetch-mode: cors
accept: */*
accept-language: de,en;q=0.5
{_AGENT}
x-real-ip: {VISITOR}"""
_VIEW = f"""\
accept: image/avif,image/webp,*/*
accept-language: de,en;q=0.5
cookie: jwt={JWT}
referer: https://lemmy.example/post/12/great-post
sec-fetch-dest: image
{_AGENT}
x-real-ip: {VISITOR}"""
_UI = f"content-type: application/json\n{_VIEW}"  # as lemmy-ui asks when it makes a page
_USER = f"authorization: Bearer {JWT}"
_SIZED = "content-length: {length}"
_CHUNKED = "transfer-encoding: chunked"
_NGINX = "connection: upgrade"
_CLOSE = "connection: close"
_ONCE = f"x-forwarded-for: {VISITOR}\nx-forwarded-for: {BEHIND}"
_TWICE = f"{_ONCE}\nx-forwarded-for: {BEHIND}"
_HOST = "host: pictrs:8080"
_GZIP = f"accept-encoding: gzip\n{_HOST}"
_AWC = f"x-forwarded-for: {BEHIND}\nhost: lemmy.example\ndate: Thu, 04 Nov 2021 10:00:00 GMT"
_PART = "range: bytes=0-99\nif-modified-since: Thu, 01 Jan 2015 00:00:00 GMT"
_KEY = f"x-api-token: {API_KEY}"


def _own(version: str) -> str:
    """What reqwest writes when Lemmy itself asks."""
    return f"accept: */*\nuser-agent: Lemmy/{version}; +https://lemmy.example"


def _head(lemmy: str, does: Does, request: str, *headers: str, seen: bool = False) -> Head:
    return Head(lemmy, does, "\n".join([f"{request} HTTP/1.1", *headers]), seen)


_ORIGINAL = "GET /image/original/{alias}"
_DELETE = "/image/delete/{token}/{alias}"
_PURGE = "POST /internal/purge?alias={alias}"

HEADS: Final = (
    _head(V13, Does.UPLOAD, "POST /image", _CHUNKED, _UPLOAD, "accept-encoding: identity", _AWC),
    _head(V13, Does.DOWNLOAD, "GET /image/download?url={every}", _own("0.13.5"), _HOST),
    _head(V13, Does.VIEW, _ORIGINAL, _VIEW, _AWC),
    _head(V13, Does.SMALL, "GET /image/process.webp?src={alias}&thumbnail=96", _VIEW, _AWC),
    _head(V13, Does.SMALL, "GET /image/process.jpg?src={alias}&thumbnail=96", "content-length: 0", _VIEW, _AWC),
    _head(V13, Does.DELETE, f"GET {_DELETE}", _VIEW, _AWC),
    #
    _head(V15, Does.UPLOAD, "POST /image", _UPLOAD, _SIZED, _NGINX, _ONCE, _HOST),
    _head(V15, Does.DOWNLOAD, "GET /image/download?url={every}", _own("0.16.7"), _HOST),
    _head(V15, Does.VIEW, _ORIGINAL, _VIEW, _NGINX, _TWICE, _HOST),
    _head(V15, Does.SMALL, "GET /image/process.jpg?src={alias}&thumbnail=96", _VIEW, _NGINX, _TWICE, _HOST),
    _head(V15, Does.DELETE, f"GET {_DELETE}", _VIEW, _NGINX, _ONCE, _HOST),
    # `pictrs.url` ends with a slash from now on, and the purge puts another one behind it
    _head(V17, Does.UPLOAD, "POST /image", _UPLOAD, _SIZED, _NGINX, _ONCE, _GZIP),
    _head(V17, Does.DOWNLOAD, "GET /image/download?url={every}", _own("0.18.5"), _GZIP),
    _head(V17, Does.VIEW, _ORIGINAL, _VIEW, _NGINX, _TWICE, _GZIP),
    _head(V17, Does.SMALL, "GET /image/process.png?src={alias}&thumbnail=96", _VIEW, _NGINX, _TWICE, _GZIP),
    _head(V17, Does.DELETE, f"GET {_DELETE}", _VIEW, _NGINX, _ONCE, _GZIP),
    _head(V17, Does.MISSED, "POST //internal/purge?alias={alias}", _KEY, _own("0.18.5"), _GZIP),
    #
    _head(V19, Does.UPLOAD, "POST /image", _UPLOAD, _USER, _SIZED, _NGINX, _ONCE, _GZIP),
    _head(V19, Does.DOWNLOAD, "GET /image/download?url={every}", _own("0.19.3"), _GZIP),
    _head(V19, Does.VIEW, _ORIGINAL, _VIEW, _USER, _NGINX, _TWICE, _GZIP),
    _head(V19, Does.DELETE, f"GET {_DELETE}", _VIEW, _USER, _NGINX, _ONCE, _GZIP),
    _head(V19, Does.DELETE, f"DELETE {_DELETE}", _own("0.19.3"), _GZIP),
    _head(V19, Does.PURGE, _PURGE, _KEY, _own("0.19.3"), _GZIP),
    #
    _head(V19_4, Does.UPLOAD, "POST /image", _UPLOAD, _USER, _ONCE, _GZIP, _CHUNKED, seen=True),
    _head(V19_4, Does.DOWNLOAD, "GET /image/download?url={escaped}&resize=512", _own("0.19.20"), _GZIP),
    _head(V19_4, Does.VIEW, _ORIGINAL, _UI, _USER, _CLOSE, _TWICE, _GZIP, seen=True),
    _head(V19_4, Does.VIEW, _ORIGINAL, _VIEW, _PART, _NGINX, _TWICE, _HOST),  # reqwest: a Range, so no gzip
    _head(V19_4, Does.SMALL, "GET /image/process.webp?src={alias}&thumbnail=96", _UI, _CLOSE, _TWICE, _GZIP, seen=True),
    _head(V19_4, Does.DELETE, f"DELETE {_DELETE}", _own("0.19.20"), _GZIP),
    _head(V19_4, Does.PURGE, _PURGE, _KEY, _own("0.19.20"), _GZIP),
    _head(V19_4, Does.HEALTH, "GET /healthz", _VIEW, _NGINX, _ONCE, _GZIP),
    _head(V19_4, Does.FETCH, "GET /image/original?proxy={escaped}", _own("0.19.20"), _GZIP, seen=True),
    _head(V19_4, Does.DETAILS, "GET /image/details/original?proxy={escaped}", _own("0.19.20"), _GZIP, seen=True),
    _head(V19_4, Does.SEE, "GET /image/original?proxy={verbatim}", _UI, _CLOSE, _TWICE, _GZIP, seen=True),
    _head(
        *(V19_4, Does.SEE_SMALL, "GET /image/process.webp?proxy={verbatim}&thumbnail=96"),
        *(_UI, _CLOSE, _TWICE, _GZIP),
        seen=True,
    ),
    #
    _head(
        *(V1, Does.UPLOAD, "POST /image?allow_video=true&resize=1024"),
        *(_UPLOAD, _USER, _SIZED, _ONCE, _GZIP),
        seen=True,
    ),
    _head(
        *(V1, Does.SHRINK, "POST /image?resize=512&allow_animation=false&allow_video=false"),
        *(_UPLOAD, _USER, _ONCE, _GZIP, _CHUNKED),
        seen=True,
    ),
    _head(V1, Does.DOWNLOAD, "GET /image/download?url={escaped}&resize=512", _own("1.0.0-beta.1"), _GZIP),
    _head(V1, Does.VIEW, _ORIGINAL, _VIEW, _USER, _CLOSE, _TWICE, _GZIP),
    _head(V1, Does.SMALL, "GET /image/process.webp?src={alias}&thumbnail=96", _VIEW, _NGINX, _TWICE, _GZIP),
    _head(V1, Does.FORGET, "POST /internal/delete?alias={alias}", _KEY, _own("1.0.0-beta.1"), _GZIP, seen=True),
    _head(V1, Does.PURGE, _PURGE, _KEY, _own("1.0.0-beta.1"), _GZIP),
    _head(V1, Does.HEALTH, "GET /healthz", _own("1.0.0-beta.1"), _GZIP, seen=True),
    _head(V1, Does.FETCH, "GET /image/original?proxy={escaped}", _own("1.0.0-beta.1"), _GZIP, seen=True),
    _head(V1, Does.DETAILS, "GET /image/details/original?proxy={escaped}", _own("1.0.0-beta.1"), _GZIP, seen=True),
    _head(V1, Does.SEE, "GET /image/original?proxy={every}", _VIEW, _USER, _TWICE, _GZIP),
    _head(
        *(V1, Does.SEE_SMALL, "GET /image/process.webp?proxy={every}&thumbnail=96"),
        *(_VIEW, _USER, _CLOSE, _TWICE, _GZIP),
        seen=True,
    ),
)


def first(lemmy: str, does: Does) -> Head:
    """The first head in the table with which this Lemmy does it. Raises StopIteration when it does not."""
    return next(head for head in HEADS if (head.lemmy, head.does) == (lemmy, does))
