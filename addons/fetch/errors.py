"""Why there is no picture: one error for each thing that a caller may have to do about it.

    FetchError            public: a sentence for the client; code: what pict-rs calls every failed download
    |- FetchForbidden     scheme, port, address that is not public, too many redirects
    |- FetchFailed        DNS, connection, TLS, status, broken or empty body
    |- FetchTooLarge      more bytes than allowed, claimed or sent
    |- FetchTimeout       the deadline, or seconds without a byte
    |- FetchBusy          the caller has no room for the bytes: a 503
    `- FetchUnable        this machine cannot ask anybody now: a 503

Rule this file keeps: what a client reads tells a name without address, one with an internal address, and an internal
address itself not apart, so it maps no internal network.
"""

from __future__ import annotations

from typing import ClassVar, Final

NOT_PUBLIC: Final = "The address does not lead to a host on the public internet."
NOT_FETCHED: Final = "The address could not be fetched."
TOO_LARGE: Final = "The file is too large."
TOO_LATE: Final = "The address did not answer in time."
UNABLE: Final = "The image check is not available, please try later"
BUSY: Final = "The image check is busy, please try later"


class FetchError(Exception):
    """Base: there is no picture. `public` may be shown to anyone; `reason` is for the log and names no URL."""

    code: ClassVar[str] = "download-file-error"

    def __init__(self, public: str, reason: str = "") -> None:
        super().__init__(reason or public)
        self.public = public
        self.reason = reason or public


class FetchForbidden(FetchError):
    """The filter does not ask for this address."""


class FetchFailed(FetchError):
    """The other side has no picture for us, or a broken one."""


class FetchTooLarge(FetchError):
    """More bytes than allowed, by Content-Length or as they came."""


class FetchTimeout(FetchError):
    """The deadline passed, or no byte came for too long."""


class FetchUnable(FetchError):
    """This machine could not ask: no file, no port, no network, no name server. Not to be remembered either."""


class FetchBusy(FetchError):
    """The caller had no room for more bytes. Says nothing about the picture, so it is not to be remembered."""
