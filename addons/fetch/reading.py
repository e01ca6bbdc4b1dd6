"""Reading one answer: a picture, word that it has not changed, the way to another address, or a FetchError.

Rules this file keeps: nothing is decompressed, no byte beyond the limit is kept, and most of what comes is the body.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import aiohttp

from addons.fetch import errors, validators
from addons.fetch.door import CHUNK_BYTES, Door
from addons.fetch.errors import FetchBusy, FetchFailed, FetchTooLarge
from addons.fetch.validators import Validators

MAX_OVERHEAD_BYTES: Final = 256 * 1024
OVERHEAD_SHARE: Final = 8
"""Bytes on the wire that are none of the body: so many, and one for each OVERHEAD_SHARE of the body. A piece that waits
to be read is 192 KiB at most; a body in chunks of one byte would cost the event loop seconds."""

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Fetched:
    """A picture: its bytes, never none, and what the origin names this version of it by."""

    data: bytes
    validators: Validators


@dataclass(frozen=True, slots=True)
class NotModified:
    """The origin says that the picture is still the one that the validators named; no byte of it came."""


Hold = Callable[[int], bool]
"""Told how many bytes of the body there are so far, before they are kept; False when there is no room for them."""


async def read(answer: aiohttp.ClientResponse, max_bytes: int, door: Door, hold: Hold) -> Fetched | NotModified | str:
    """The picture, of at most `max_bytes`, or the Location of a redirect. Raises FetchError.

    `door` is the one that the answer comes through, and has counted its bytes since the request.
    """
    headers = answer.headers
    if answer.status in REDIRECTS:
        locations = headers.getall("Location", [])
        if len(locations) != 1:
            raise FetchFailed("The address redirects to nowhere.")
        return locations[0]
    if answer.status == 304:
        return NotModified()
    if answer.status != 200:
        raise FetchFailed(f"The address answered {answer.status} instead of 200.")
    if any(coding.strip().lower() not in ("", "identity") for coding in headers.getall("Content-Encoding", [])):
        raise FetchFailed("The address answered with a compressed body, which was not asked for.")
    if [coding.lower() for coding in headers.getall("Transfer-Encoding", ["chunked"])] != ["chunked"]:
        # aiohttp hands such a body on as it came: coded, and with the chunk sizes in it
        raise FetchFailed("The address answered with a transfer coding that was not asked for.")
    if answer.content_length is not None and answer.content_length > max_bytes:
        raise FetchTooLarge(errors.TOO_LARGE, f"{answer.content_length} bytes claimed")
    body = await _body(answer.content, max_bytes, door, hold)
    return Fetched(body, validators.read(lambda name: headers.getall(name, [])))


async def _body(content: aiohttp.StreamReader, max_bytes: int, door: Door, hold: Hold) -> bytes:
    body = io.BytesIO()  # gives its bytes away without a copy
    size = 0
    while piece := await content.read(min(CHUNK_BYTES, max_bytes + 1 - size)):
        size += len(piece)
        if size > max_bytes:
            raise FetchTooLarge(errors.TOO_LARGE, "more bytes than allowed came")
        if door.received - size > MAX_OVERHEAD_BYTES + size // OVERHEAD_SHARE:
            raise FetchTooLarge(errors.TOO_LARGE, "most of what came is not the body")
        if not hold(size):
            raise FetchBusy(errors.BUSY, f"no room for byte {size}")
        body.write(piece)
    if not size:
        raise FetchFailed("The address answered with an empty body.")
    return body.getvalue()
