"""Notifications: a POST to the administrator's own webhook when something was refused, failed or changed.

Rules this file keeps: whoever notes something never waits and never fails. One task sends, one message in `min_seconds`
at most; what comes between is summed up in the next. A message that could not be sent is tried again with it, and the
log says so once a minute. Redirects are not followed. Private addresses may be asked, unlike with remote pictures: this
address is the administrator's, not a stranger's; so the log names its host only, for the rest is often a secret.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from addons.inspection import Decision
from addons.notice import Notice, event_of
from addons.seldom import Seldom
from addons.state import StateError
from config.notify import Notify

SIGNATURE = "X-Pictrs-Filter-Signature"
"""Header with `sha256=` and the hex HMAC-SHA256 of the body, where there is a secret: as GitHub's webhooks have it."""
MIN_SECRET_BYTES = 16
"""A shorter secret is one that can be guessed (128 bits)."""
COMPLAIN_SECONDS = 60.0
"""How often the log says at most, in seconds, that a message could not be sent."""

log = logging.getLogger("pictrs_filter")


def load_secret(name: str) -> bytes:
    """The secret in the file `name`, without white space around it; empty where there is no name. Raises StateError."""
    if not name:
        return b""
    try:
        secret = Path(name).expanduser().read_bytes().strip()
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: `~` of nobody; ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise StateError(
            f"notify.secret_file {name} cannot be read: {reason} (name another, or set it to '')"
        ) from error
    if len(secret) < MIN_SECRET_BYTES:
        way = f"openssl rand -hex 32 > {name}"
        raise StateError(f"notify.secret_file {name} holds less than {MIN_SECRET_BYTES} bytes: run {way}")
    return secret


class Notifier:
    """One per process, on the proxy's event loop. Raises StateError when there is to be a secret and it cannot be had.

    `clock` gives seconds since 1970. Without a `url` it does nothing.
    """

    def __init__(
        self,
        settings: Notify,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._secret = load_secret(settings.secret_file) if settings.url else b""
        self._clock = clock
        self._sleep = sleep
        self._notice = Notice(clock())
        self._something = asyncio.Event()
        self._complains = Seldom(COMPLAIN_SECONDS)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to send. Idempotent."""
        if self._settings.url and self._task is None:
            self._task = asyncio.create_task(self._run(), name="notifications")

    async def close(self) -> None:
        """Stop. What is not sent yet is lost: the log has it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def note(self, decision: Decision) -> None:
        """Tell of a decision, if it is one of `events`."""
        event = event_of(decision)
        if event is not None and self._settings.url and event in self._settings.events:
            self._notice.add(event, decision)
            self._something.set()

    def note_reload(self, policy: str, problems: int = 0) -> None:
        """Tell that the policy of that hash is in force now, or still, because a newer one has so many problems."""
        if self._settings.url and "reload" in self._settings.events:
            self._notice.add_reload(self._clock(), policy, problems)
            self._something.set()

    async def _run(self) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            notice, self._notice = self._notice, Notice(self._clock())
            failure = await self._send(json.dumps(notice.body()).encode())
            if failure:
                self._notice = notice.follow(self._notice)
                self._something.set()
                if self._complains.now():
                    host = urlsplit(self._settings.url).hostname
                    log.warning("notify: %s could not be told: %s; it is tried again", host, failure)
            await self._sleep(self._settings.min_seconds)

    async def _send(self, body: bytes) -> str:
        """POST `body`. Gives why that failed, or nothing."""
        headers = {"Content-Type": "application/json", "User-Agent": "pictrs-filter"}
        if self._secret:
            headers[SIGNATURE] = f"sha256={hmac.new(self._secret, body, hashlib.sha256).hexdigest()}"
        timeout = aiohttp.ClientTimeout(total=self._settings.timeout_seconds)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session,
                session.post(self._settings.url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                return "" if 200 <= answer.status < 300 else f"it answered {answer.status}"
        except TimeoutError:
            return f"no answer in {self._settings.timeout_seconds:g} seconds"
        except (aiohttp.ClientError, OSError, ValueError) as error:  # ValueError: a name that is none to IDNA
            return type(error).__name__
