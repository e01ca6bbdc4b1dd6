"""Every answer that the filter gives in its own name, in the one shape that each Lemmy from 0.13 to 1.0 can read.

Rules: always JSON with `msg` (all versions need it), `files` (0.17 and 0.18 do) and `code` (pict-rs 0.5's field). The
one exception are views of browsers, see placeholder.py.
A refusal is a 400: of 413 Lemmy's client drops the body, and 401 or 403 look like a login problem. No score, label or
rule name stands in an answer; `ref` is what an administrator searches the log for.

    400  rejected      judged, and refused by a rule
    400  unusable      not judged: the file is broken, too large, or of a format that is not judged
    400  bad_request   the request breaks pict-rs's grammar            404, 405  no such route
    400  not_fetched   the remote picture could not be had
    503  unavailable   a failure of the filter; starting: no model yet; overloaded: too much in hand;
                       not_staged: pict-rs does not ask the filter for proxied media
    508  loop          the filter's own request came back to it
    502  upstream      pict-rs did not answer
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from model.errors import Cause

RETRY_SECONDS = 10
"""Retry-After of a 503, in seconds: about as long as a model takes to load."""

CODE_REFUSED = "failed-external-validation"
"""pict-rs 0.5's code for a picture that a hook refused; clients that know it show a translated text."""
CODE_FETCH = "download-file-error"
"""pict-rs 0.5's code for a remote picture that could not be fetched."""


@dataclass(frozen=True)
class Answer:
    """One answer: HTTP status and the words for the client."""

    status: int
    msg: str
    code: str
    media_type: ClassVar[bytes] = b"application/json"

    @cached_property
    def body(self) -> bytes:
        """The JSON body, UTF-8."""
        return json.dumps({"msg": self.msg, "code": self.code, "files": []}).encode()

    @cached_property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """Header fields, complete with Content-Length."""
        fields = [
            (b"Content-Type", self.media_type),
            (b"Content-Length", str(len(self.body)).encode()),
            (b"Cache-Control", b"no-store"),
        ]
        if self.status == 503:
            fields.append((b"Retry-After", str(RETRY_SECONDS).encode()))
        return tuple(fields)


def rejected(ref: str) -> Answer:
    """Judged, and refused by a rule."""
    return Answer(400, f"Image rejected by this server's content filter (ref {ref})", CODE_REFUSED)


ACCEPTED = (
    "JPEG, PNG, GIF, WebP, AVIF and JPEG XL images, MP4 videos in H.264, H.265 or AV1, "
    "and WebM videos in VP8, VP9 or AV1"
)
"""The formats of model.formats.media that are judged; a test compares."""
UNUSABLE: Mapping[Cause, str] = {
    "undecodable": "This image is broken or incomplete and cannot be checked",
    "unsupported": f"This kind of file is not accepted here. Accepted are {ACCEPTED}",
    "too_large": "This image is too large to be checked: it has too many pixels, frames or bytes",
}


def unusable(cause: Cause, ref: str) -> Answer:
    """Not judged because of the file itself; `cause` is one for which the sender is at fault."""
    return Answer(400, f"{UNUSABLE[cause]} (ref {ref})", CODE_REFUSED)


def unavailable(ref: str) -> Answer:
    """A failure of the filter itself."""
    return Answer(503, f"The image check is not available, please try later (ref {ref})", "image-check-unavailable")


def busy(ref: str) -> Answer:
    """No verdict in time, or so many before it that there would be none."""
    return Answer(503, f"The image check is busy, please try again in a moment (ref {ref})", "image-check-unavailable")


UNDECIDED = unavailable("-")
"""What stands while nothing is decided, and after a fault of ours."""
STARTING = Answer(503, "The image check is starting, please try again in a moment", "image-check-unavailable")
STOPPING = Answer(503, "The image check is restarting, please try again in a moment", "image-check-unavailable")
OVERLOADED = Answer(503, "The image check is busy, please try again in a moment", "image-check-unavailable")
NOT_STAGED = Answer(503, "Proxied images are not available on this server at the moment", "image-check-unavailable")
LOOP = Answer(508, "This request comes from the image check itself", "loop-detected")
UPSTREAM = Answer(502, "The image server did not answer", "upstream-unavailable")


def bad_request(reason: str, status: int = 400) -> Answer:
    """The request breaks pict-rs's grammar; `reason` is ours and quotes nothing of the request."""
    return Answer(status, f"This request is not accepted: {reason}", "bad-request")


def not_fetched(public: str) -> Answer:
    """The remote picture could not be had; `public` is a sentence that names no internal address."""
    return Answer(400, public, CODE_FETCH)


def no_route(status: int, reason: str) -> Answer:
    """404 or 405 (or 400 for a query): nothing was sent upstream."""
    return bad_request(reason) if status == 400 else Answer(status, f"Not found: {reason}", "not-found")


def protocol_error(status: int) -> Answer:
    """In place of mitmproxy's HTML page for `status`, whose message may quote the request, so it is dropped."""
    if status == 502:
        return UPSTREAM
    if status >= 500:
        return Answer(503, "The image check is not available, please try later", "image-check-unavailable")
    return Answer(status, "This is not a request that the image server understands", "bad-request")
