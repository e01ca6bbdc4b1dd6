"""A fetcher for tests: it may ask the ports of the sites given, at 127.0.0.2; small limits, a long deadline."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from aiohttp.abc import AbstractResolver

from addons.fetch.reading import Fetched, NotModified
from addons.fetch.remote import RemoteFetcher, Validators
from config.settings import Fetch
from tests.addons.fetch.sites import PUBLIC, Site

MAX_BYTES = 100_000
IDLE_SECONDS = 0.5
LONG = 30.0
"""Seconds that no test should need: a deadline that must not be what ends a fetch."""


@contextlib.asynccontextmanager
async def fetcher(
    *sites: Site,
    resolver: AbstractResolver | None = None,
    idle_seconds: float = LONG,
    allow: Sequence[str] = (PUBLIC,),
    max_bytes: int = MAX_BYTES,
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[RemoteFetcher]:
    """A fetcher that is closed afterwards."""
    settings = Fetch(ports=tuple(site.port for site in sites), allow_networks=tuple(allow), idle_seconds=idle_seconds)
    made = RemoteFetcher(settings, max_bytes, resolver=resolver, headers=headers)
    try:
        yield made
    finally:
        await made.close()


async def ask(
    url: str,
    *sites: Site,
    resolver: AbstractResolver | None = None,
    seconds: float = LONG,
    idle_seconds: float = LONG,
    max_bytes: int = MAX_BYTES,
    known: Validators | None = None,
    hold: Callable[[int], bool] | None = None,
) -> Fetched | NotModified:
    """Fetch once."""
    async with fetcher(*sites, resolver=resolver, idle_seconds=idle_seconds, max_bytes=max_bytes) as made:
        return await made.fetch(url, time.monotonic() + seconds, known=known, hold=hold)


async def fetch(
    url: str, *sites: Site, resolver: AbstractResolver | None = None, seconds: float = LONG, idle_seconds: float = LONG
) -> bytes:
    """Fetch once, unconditionally, and give the bytes."""
    return data(await ask(url, *sites, resolver=resolver, seconds=seconds, idle_seconds=idle_seconds))


def data(answer: Fetched | NotModified) -> bytes:
    """The bytes of an answer that must have some."""
    assert isinstance(answer, Fetched)
    return answer.data
