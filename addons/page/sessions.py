"""Who may change something: sessions of browsers, in memory, and a bound on wrong tokens. Any thread may ask."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from cachetools import TTLCache

from addons.page.token import Token

SESSION_SECONDS = 12 * 3600.0
"""How long a login lasts: a working day."""
MAX_SESSIONS = 64
"""Sessions at a time; the oldest ends when there are more."""
WRONG_TRIES = 5
"""Wrong tokens from one address within WRONG_SECONDS; then none is looked at until they are over."""
WRONG_SECONDS = 60.0
MAX_ADDRESSES = 1024
"""Addresses whose wrong tokens are counted; all who come after are counted as one."""
RANDOM_BYTES = 32


class TooMany(Exception):
    """So many wrong tokens came from there that none is looked at for now."""


@dataclass(frozen=True)
class Session:
    """One login. `key` is the cookie's value, `form` the word that its forms carry."""

    key: str
    form: str

    def owns(self, word: str) -> bool:
        """Whether a form with that word came from a page of this session."""
        return hmac.compare_digest(self.form.encode(), word.encode(errors="surrogatepass"))


class Sessions:
    """One per process. Without a token nobody can log in."""

    def __init__(self, token: Token | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._token = token
        self._lock = threading.Lock()
        self._sessions: TTLCache[str, Session, float] = TTLCache(MAX_SESSIONS, SESSION_SECONDS, clock)
        self._wrong: TTLCache[str, int, float] = TTLCache(MAX_ADDRESSES, WRONG_SECONDS, clock)

    @property
    def possible(self) -> bool:
        """Whether there is a token."""
        return self._token is not None

    def is_token(self, given: str, address: str) -> bool:
        """Whether that is the token. Raises TooMany after WRONG_TRIES wrong ones from there, for the right one too."""
        with self._lock:
            # a stranger with many addresses must not push out the count of another
            counted = address if address in self._wrong or len(self._wrong) < MAX_ADDRESSES - 1 else ""
            wrong = self._wrong.get(counted, 0)
            if wrong >= WRONG_TRIES:
                raise TooMany
            if self._token is not None and self._token.matches(given):
                return True
            self._wrong[counted] = wrong + 1  # and the time begins anew
            return False

    def begin(self) -> Session:
        """A new session, for who gave the token."""
        session = Session(secrets.token_urlsafe(RANDOM_BYTES), secrets.token_urlsafe(RANDOM_BYTES))
        with self._lock:
            self._sessions[session.key] = session
        return session

    def get(self, key: str | None) -> Session | None:
        """The session with that key, if it has not ended."""
        with self._lock:
            return self._sessions.get(key) if key else None

    def end(self, session: Session) -> None:
        """Log out."""
        with self._lock:
            self._sessions.pop(session.key, None)
