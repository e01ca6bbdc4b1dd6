"""A remote picture, fetched and judged: what `download?url=` and the callback of `?proxy=` have in common."""

from __future__ import annotations

import contextlib
import logging
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from addons.fetch import errors
from addons.fetch.errors import FetchBusy, FetchError, FetchTimeout, FetchUnable
from addons.fetch.recent import Fate, Recent
from addons.fetch.remote import NotModified, RemoteFetcher
from addons.fetch.validators import Validators
from addons.inbound import Hold
from addons.inspection import Inspector, Passed, Source
from addons.pictrs import answers
from addons.pictrs.answers import Answer

log = logging.getLogger("pictrs_filter")


FAIR_SECONDS = 3.0
"""An origin that had less time than this is not remembered for being late: it was pict-rs or the filter that was."""


@dataclass(frozen=True)
class Retrieved:
    """A remote picture that passed, and what its origin said about this version of it."""

    passed: Passed
    validators: Validators


class Retrieval:
    """Fetches, judges, and remembers for a short while what came to nothing.

    From one host `per_host` pictures are fetched at once, so that a slow one leaves places for the others.
    """

    def __init__(self, fetcher: RemoteFetcher, recent: Recent, inspector: Inspector, *, per_host: int) -> None:
        self._fetcher = fetcher
        self._recent = recent
        self._inspector = inspector
        self._per_host = per_host
        self._hosts: Counter[str] = Counter()

    async def retrieve(
        self, source: Source, url: str, deadline: float, hold: Hold, known: Validators | None = None
    ) -> Retrieved | NotModified | Answer:
        """Fetch and judge the picture at `url` (normalised) by `deadline`, an absolute `time.monotonic()` second.

        `hold` is asked for room as the bytes come. With `known` the origin may say NotModified instead.
        """
        remembered = self._recent.find(url)
        if remembered is not None:
            return remembered
        left = deadline - time.monotonic()
        if left <= 0:
            return answers.unavailable("-")  # pict-rs was slow, not the origin: nothing to be remembered
        try:
            with self._at(url):
                fetched = await self._fetcher.fetch(url, deadline, known=known, hold=hold)
        except FetchBusy:
            return answers.OVERLOADED
        except FetchUnable as error:
            log.warning("nothing can be fetched: %s", error.reason)
            return answers.unavailable("-")
        except FetchError as error:
            log.info("fetch failed: %s", error)
            answer = answers.not_fetched(error.public)
            if left >= FAIR_SECONDS or not isinstance(error, FetchTimeout):
                self._recent.remember(url, answer, Fate.FAILED)
            return answer
        if isinstance(fetched, NotModified):
            return fetched
        found = await self._inspector.inspect(source, fetched.data, deadline)
        if isinstance(found, Answer):
            self._recent.remember(url, found, Fate.REFUSED)
            return found
        return Retrieved(found, fetched.validators)

    @contextlib.contextmanager
    def _at(self, url: str) -> Iterator[None]:
        """Count a fetch at its host. Raises FetchBusy when there are as many as may be."""
        host = url.split("/", 3)[2]
        if self._hosts[host] >= self._per_host:
            raise FetchBusy(errors.BUSY, "as many fetches from this host as may be")
        self._hosts[host] += 1
        try:
            yield
        finally:
            self._hosts[host] -= 1
            if not self._hosts[host]:
                del self._hosts[host]
