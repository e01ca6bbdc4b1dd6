"""The token that allows changes: read once from a file, compared in constant time, never shown and never logged."""

from __future__ import annotations

import hashlib
import hmac
import stat
from pathlib import Path

from addons.state import StateError

MIN_CHARACTERS = 16
"""Fewer could be guessed; `openssl rand -hex 32` gives 64."""
MAX_BYTES = 4096
"""A token is a line; what is longer is another file."""


class Token:
    """Holds the token's digest alone, so that nothing that shows this object shows the token."""

    def __init__(self, token: str) -> None:
        self._digest = hashlib.sha256(token.encode()).digest()

    def matches(self, given: str) -> bool:
        """Whether that is it. Takes the same time for all that is given."""
        # surrogates come from headers that are no UTF-8, and match nothing
        digest = hashlib.sha256(given.encode(errors="surrogatepass")).digest()
        return hmac.compare_digest(self._digest, digest)


def load_token(path: Path | None) -> Token | None:
    """The token in the file; None without a path. Raises StateError, whose message has the way out."""
    if path is None:
        return None
    try:
        path = path.expanduser()
        with path.open("rb") as file:
            mode = stat.S_IMODE(path.stat().st_mode)
            text = file.read(MAX_BYTES + 1)
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: `~` of a user who has no home
        reason = error.strerror if isinstance(error, OSError) else str(error)
        hint = "make it with: openssl rand -hex 32, or leave admin.token_file empty"
        raise StateError(f"the token file {path} cannot be read: {reason} ({hint})") from error
    if mode & 0o007:
        raise StateError(f"every user can use {path} (mode {mode:o}): run chmod 600 {path}")
    token = text.strip()
    if not MIN_CHARACTERS <= len(token) <= MAX_BYTES or not token.isascii() or not token.decode("ascii").isprintable():
        hint = f"openssl rand -hex 32 > {path}"
        raise StateError(f"{path} must hold one line of {MIN_CHARACTERS} or more ASCII characters (make it: {hint})")
    return Token(token.decode("ascii"))
