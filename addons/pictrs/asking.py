"""Requests for nothing, which pict-rs answers all the same: what it can do is found out by them, and nothing changes.

No request carries a key, and none brings media.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import TracebackType
from typing import Any, Self

import aiohttp
from yarl import URL

ASK_SECONDS = 10.0
"""Seconds for one answer of pict-rs: as long as Lemmy waits for a view."""
MAX_ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True)
class Reply:
    """An answer: HTTP status, and the first MAX_ANSWER_BYTES of its body."""

    status: int
    body: bytes = field(repr=False)

    @cached_property
    def fields(self) -> Mapping[str, Any]:
        """The body as a JSON object, empty where it is none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def msg(self) -> str:
        """pict-rs's own words, empty where there are none."""
        return self._text("msg")

    @property
    def code(self) -> str:
        """pict-rs 0.5's code for what went wrong, empty where there is none."""
        return self._text("code")

    def _text(self, name: str) -> str:
        said = self.fields.get(name)
        return said if isinstance(said, str) else ""


class Asking:
    """Asks `base` (`http://HOST:PORT`). Use it in `async with`.

    `seconds` is for one answer; `connect_seconds` for the connection alone, None: all of `seconds`.
    """

    def __init__(self, base: str, *, seconds: float = ASK_SECONDS, connect_seconds: float | None = None) -> None:
        self._base = base
        self._timeout = aiohttp.ClientTimeout(total=seconds, connect=connect_seconds)

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(resolver=aiohttp.ThreadedResolver())  # names as the proxy finds them
        self._session = aiohttp.ClientSession(connector=connector, timeout=self._timeout, trust_env=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, target: str, headers: Mapping[str, str] | None = None) -> Reply:
        """GET a path, letter for letter. Raises aiohttp.ClientError, TimeoutError and OSError."""
        url = URL(self._base + target, encoded=True)
        async with self._session.get(url, headers=headers, allow_redirects=False) as answer:
            return Reply(answer.status, await answer.content.read(MAX_ANSWER_BYTES))
