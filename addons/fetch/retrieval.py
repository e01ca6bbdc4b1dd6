"""A remote picture, fetched and judged: what `download?url=` and the callback of `?proxy=` have in common."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from addons.fetch import errors
from addons.fetch.errors import FetchBusy, FetchError, FetchTimeout, FetchUnable
from addons.fetch.reading import Fetched, NotModified
from addons.fetch.recent import Fate, Recent
from addons.fetch.remote import RemoteFetcher
from addons.fetch.shares import Shares
from addons.fetch.validators import Validators
from addons.inbound import Hold
from addons.inspection import Inspector, Passed, Source
from addons.pictrs import answers
from addons.pictrs.answers import Answer
from addons.seldom import Seldom

log = logging.getLogger("pictrs_filter")

COMPLAIN_SECONDS = 60.0
"""How often the log says at most, in seconds, that this machine cannot ask anybody."""
FAIR_SECONDS = 3.0
"""An origin that had less time than this is not remembered for being late: it was pict-rs or the filter that was."""


@dataclass(frozen=True)
class Retrieved:
    """A remote picture that passed, and what its origin said about this version of it."""

    passed: Passed
    validators: Validators


class Retrieval:
    """Fetches, judges, and remembers for a short while what came to nothing.

    `shares` bounds what one host takes, so that a slow one leaves places for the others.
    """

    def __init__(self, fetcher: RemoteFetcher, recent: Recent, inspector: Inspector, shares: Shares) -> None:
        self._fetcher = fetcher
        self._recent = recent
        self._inspector = inspector
        self._shares = shares
        self._complains = Seldom(COMPLAIN_SECONDS)

    async def retrieve(
        self, source: Source, url: str, deadline: float, hold: Hold, known: Validators | None = None
    ) -> Retrieved | NotModified | Answer:
        """Fetch and judge the picture at `url` (normalised) by `deadline`, an absolute `time.monotonic()` second.

        `hold` is asked for room as the bytes come. With `known` the origin may say NotModified instead.
        """
        remembered, age = self._recent.find(url), self._recent.age
        if remembered is not None:
            return remembered
        left = deadline - time.monotonic()
        if left <= 0:
            return answers.unavailable("-")  # pict-rs was slow, not the origin: nothing to be remembered
        try:
            fetched = await self._fetch(url, deadline, hold, known)
        except FetchBusy:
            return answers.OVERLOADED
        except FetchUnable as error:
            if self._complains.now():
                log.warning("nothing can be fetched: %s", error.reason)
            return answers.unavailable("-")
        except FetchError as error:
            log.info("fetch failed: %s", error)
            answer = answers.not_fetched(error.public)
            if left >= FAIR_SECONDS or not isinstance(error, FetchTimeout):
                self._recent.remember(url, answer, Fate.FAILED, age)
            return answer
        if isinstance(fetched, NotModified):
            return fetched
        found = await self._inspector.inspect(source, fetched.data, deadline, urlsplit(url).hostname or "")
        if isinstance(found, Answer):
            self._recent.remember(url, found, Fate.REFUSED, age)
            return found
        return Retrieved(found, fetched.validators)

    async def _fetch(self, url: str, deadline: float, hold: Hold, known: Validators | None) -> Fetched | NotModified:
        """Fetch within the share of the host. Raises FetchError."""
        with self._shares.begin() as share:
            if not share.claim((urlsplit(url).hostname or "").rstrip(".")):
                raise FetchBusy(errors.BUSY, "as many fetches from this host as may be")

            def hold_here(total: int) -> bool:
                return share.hold(total) and hold(total)

            return await self._fetcher.fetch(url, deadline, known=known, hold=hold_here, claim=share.claim)
