"""What pict-rs may ask of the filter, on a listener that is for pict-rs alone. Everything else there is refused.

    GET  /v/{token}    the media behind a staged address (fetch/staging.py); If-None-Match as pict-rs 0.6 sends it
    POST /validate     a verdict on bytes that pict-rs has already (its `external_validation`, from 0.4.3): a second
                       line behind the first, for what reaches pict-rs in another way than through the filter

Nothing that comes in here is ever sent on.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from enum import StrEnum

from addons.fetch.staging import Staging, Unchanged
from addons.inbound import Headers, Hold, Inbound
from addons.inspection import Inspector
from addons.loop import LoopGuard
from addons.pictrs import answers, validation
from addons.pictrs.answers import Answer
from config.settings import Settings

FRAME_BYTES = 64 * 1024
"""What a body for /validate may have beside the file: the head of one part."""
VALID = b'{"msg":"ok"}'

_STAGED = re.compile(rb"/v/([A-Za-z0-9_-]{1,16384})")


class Errand(StrEnum):
    """What pict-rs wants."""

    STAGED = "staged"
    VALIDATE = "validate"


@dataclass(frozen=True)
class Call:
    """A call that is known here. `token` is that of a staged address, else empty."""

    errand: Errand
    token: str = ""


@dataclass(frozen=True)
class Reply:
    """A whole answer that is not one of answers.py: status, header fields complete, body."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes = field(repr=False)


class Callback:
    """Answers pict-rs's own requests. One per process."""

    def __init__(self, settings: Settings, staging: Staging, inspector: Inspector, loop: LoopGuard) -> None:
        self._settings = settings
        self._staging = staging
        self._inspector = inspector
        self._loop = loop

    def screen(self, method: bytes, target: bytes, headers: Headers) -> Call | Answer:
        """Decide on a request's head alone."""
        inbound = Inbound(method, target, headers, b"")
        if self._loop.is_own(inbound) or self._loop.is_own_fetch(inbound):  # one staged address within another
            return answers.LOOP
        staged = _STAGED.fullmatch(target)
        if staged and method == b"GET":
            return Call(Errand.STAGED, staged[1].decode("ascii"))
        if target == b"/validate" and method == b"POST":
            if inbound.all(b"content-encoding"):
                return answers.bad_request("a body with a Content-Encoding", 415)
            return answers.STARTING if self._inspector.judge is None else Call(Errand.VALIDATE)
        return answers.no_route(404, "only pict-rs has something to ask here")

    def share(self, found: Call) -> float | None:
        """The share of places that it may take: none where no media come in. (A staged address gets one by itself.)"""
        return 1.0 if found.errand is Errand.VALIDATE else None

    def body_limit(self, found: Call) -> int:
        """How many bytes of body a request may have."""
        return self._settings.limits.max_file_bytes + FRAME_BYTES if found.errand is Errand.VALIDATE else 0

    def at_once(self, found: Call, inbound: Inbound) -> None:
        """Nothing is: media have to be judged."""

    async def decide(self, found: Call, inbound: Inbound, hold: Hold) -> Reply | Answer:
        """Answer a whole request."""
        if found.errand is Errand.VALIDATE:
            return await self._validate(inbound)
        tags = inbound.all(b"if-none-match")
        etag = tags[0].decode("latin-1") if len(tags) == 1 else None
        outcome = await self._staging.answer(found.token, etag)
        if isinstance(outcome, Answer):
            return outcome
        if isinstance(outcome, Unchanged):
            return Reply(304, _fields(etag, outcome.seconds), b"")
        content = ((b"Content-Type", outcome.mime.encode("ascii")), (b"Content-Length", b"%d" % len(outcome.data)))
        return Reply(200, (*content, *_fields(outcome.etag)), outcome.data)

    async def _validate(self, inbound: Inbound) -> Reply | Answer:
        deadline = time.monotonic() + self._settings.deadline_seconds
        limit = self._settings.limits.max_file_bytes
        try:
            data = validation.file_of(inbound.all(b"content-type"), inbound.body, max_bytes=limit)
        except validation.ValidationError as error:
            return answers.bad_request(error.message, error.status)
        found = await self._inspector.inspect("hook", data, deadline)
        if isinstance(found, Answer):
            return found
        if len(found.data) < len(data):  # pict-rs keeps all of it, and what stands behind a still's end was not judged
            return answers.bad_request("a file with something behind its end")
        return Reply(200, ((b"Content-Type", b"application/json"), (b"Content-Length", b"%d" % len(VALID))), VALID)


def _fields(etag: str | None, seconds: int = 0) -> tuple[tuple[bytes, bytes], ...]:
    """pict-rs 0.6 looks for max-age on a 304 alone, in this spelling; what it stores it asks for again at once."""
    age = (b"Cache-Control", b"max-age=%d" % seconds)
    return (age, (b"ETag", etag.encode("latin-1"))) if etag else (age,)
