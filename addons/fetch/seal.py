"""What pict-rs is given in place of an address, and gives back: texts that nobody but this filter can make.

A staged address is a stable function of the original one, because pict-rs files proxied media under the text of their
address: the same text again is a hit, another one a miss. So nothing random and no time is in it, and the key lies in a
file (addons/state.py). It holds the original address readably: the filter keeps no table, and finds its way back after
a restart. It is no secret, pict-rs would have logged the original as well; it is authentic: what was not sealed here
with this key is not asked for. Pure.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from dataclasses import asdict, dataclass

KEY_BYTES = 32
"""Length of the key: as long as the output of SHA-256 (RFC 2104, 3: a longer one adds nothing)."""
MAC_BYTES = 16
"""Bytes of each HMAC-SHA256 that are kept: half is the least that RFC 2104, 5 allows, and 2^128 tries to forge one."""

_TEXT = re.compile(r"[A-Za-z0-9_-]{22,16384}")  # 22: base64 of a MAC alone; the rest is bounded by who calls


@dataclass(frozen=True)
class Stamp:
    """What an ETag of ours says about the bytes that went with it, so that no table of them has to be kept.

    judging    under which policy and settings they passed (config.load.Config.judging)
    sha256     hex SHA-256 of them
    etag, last_modified    what the origin said of them, or None
    """

    judging: str
    sha256: str
    etag: str | None
    last_modified: str | None


class Seal:
    """Makes and opens sealed texts with one key of KEY_BYTES bytes; raises ValueError for a key of another length."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key of {len(key)} bytes, not {KEY_BYTES}")
        self._key = key

    @property
    def instance(self) -> str:
        """A public name of this filter, 32 hex digits: the same for every process that has the key."""
        return self._mac(b"instance", b"").hex()

    def token(self, url: str) -> str:
        """The sealed form of an address (ASCII), in characters that stand in a path as they are."""
        return self._seal(b"url", b"", url.encode("ascii"))

    def url(self, token: str) -> str | None:
        """The address in a token, or None when this filter did not make it."""
        opened = self._open(b"url", b"", token)
        return None if opened is None else opened.decode("ascii")

    def etag(self, url: str, stamp: Stamp) -> str:
        """An ETag header value for the bytes of `url` that `stamp` tells of."""
        written = json.dumps(asdict(stamp), separators=(",", ":"), sort_keys=True)
        return f'"{self._seal(b"stamp", url.encode("ascii"), written.encode())}"'

    def stamp(self, url: str, etag: str) -> Stamp | None:
        """What an If-None-Match header value says, or None when it is not the one ETag of ours for this address."""
        if len(etag) < 2 or etag[0] != '"' or etag[-1] != '"':
            return None
        opened = self._open(b"stamp", url.encode("ascii"), etag[1:-1])
        try:
            return None if opened is None else Stamp(**json.loads(opened))
        except TypeError:  # sealed by another release, which knew other fields
            return None

    def _mac(self, purpose: bytes, *parts: bytes) -> bytes:
        lengths = b"".join(len(part).to_bytes(4, "big") for part in parts)  # so that no two ways to split are alike
        message = b"\0".join((purpose, lengths + b"".join(parts)))
        return hmac.digest(self._key, message, hashlib.sha256)[:MAC_BYTES]

    def _seal(self, purpose: bytes, context: bytes, content: bytes) -> str:
        sealed = self._mac(purpose, context, content) + content
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")

    def _open(self, purpose: bytes, context: bytes, text: str) -> bytes | None:
        if not _TEXT.fullmatch(text):
            return None
        try:
            sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except binascii.Error:
            return None
        content = sealed[MAC_BYTES:]
        # Compared as text: base64 has spellings that differ in unused bits, and each would be an address of its own.
        return content if hmac.compare_digest(text, self._seal(purpose, context, content)) else None
