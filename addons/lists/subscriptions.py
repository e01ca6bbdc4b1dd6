"""Lists of other servers, asked for again and again, and kept: what was good last stays, whatever comes instead.

They are fetched as pictures are (addons/fetch: only public machines, so many bytes and seconds), and over https alone.
Rules this file keeps: an answer that is no list, or an empty one, changes nothing; nor does no answer. That is said
once, and is there to be read in `pictrs-filter lists`. The running filter reads the copy as any other list (shelf.py).
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from dataclasses import replace as with_values
from pathlib import Path
from typing import Final, Protocol

from addons.fetch.errors import FetchError
from addons.fetch.reading import Fetched, NotModified
from addons.fetch.remote import RemoteFetcher, Validators
from addons.lists.places import Place, copy_file, replace
from addons.lists.shelf import ListError, read_now
from config.listing import ListSpec
from config.problems import printable
from config.settings import Settings
from model.hashlist import MAX_BYTES, HashList, line, parse

log = logging.getLogger("pictrs_filter")

FETCH_SECONDS: Final = 120.0
"""Deadline of one list: MAX_BYTES within it take 13 Mbit/s."""

RETRY_SECONDS: Final = 300.0
"""After how long it is asked again where there was no list, or sooner where `refresh_minutes` says so."""

FAULTY_SHARE: Final = 100
"""A list may have one line that cannot be read, and one more for so many that can: with more it is something else."""

NAP_SECONDS: Final = 30.0
"""How often it is looked whether a list is due, which `lists sync` may have changed."""


class Fetching(Protocol):
    """What is asked of the fetcher."""

    async def fetch(self, url: str, deadline: float, *, known: Validators | None = None) -> Fetched | NotModified:
        """What is at `url`, by `deadline` (`time.monotonic()` seconds). Raises FetchError."""
        ...


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a list that is followed; times are Unix seconds, 0 for never. `fault` is of the last asking."""

    url: str = ""
    bare: str = ""
    etag: str | None = None
    last_modified: str | None = None
    asked_at: float = 0.0
    fetched_at: float = 0.0
    fault: str = ""


def list_fetcher(settings: Settings) -> RemoteFetcher:
    """A fetcher for lists; the caller closes it."""
    return RemoteFetcher(
        settings.fetch,
        MAX_BYTES,
        headers={"Accept": "text/plain, */*;q=0.5"},
        pictrs=settings.upstream_address,
        https_only=True,
    )


class Subscriptions:
    """Those of `specs` that have a url, with their copies in `folder` (places.lists_folder). `clock`: Unix seconds."""

    def __init__(
        self,
        folder: Path,
        specs: Mapping[str, ListSpec],
        fetcher: Fetching,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._specs = {name: spec for name, spec in specs.items() if spec.url is not None}
        self._fetcher = fetcher
        self._clock = clock

    @property
    def names(self) -> tuple[str, ...]:
        """The lists that are followed."""
        return tuple(self._specs)

    async def sync(self, name: str) -> Record:
        """Ask for one list now, and keep what comes if it is good. Gives what is known then; raises KeyError only."""
        spec = self._specs[name]
        before = await asyncio.to_thread(read_record, self._folder, name)
        if (before.url, before.bare) != (spec.url, spec.bare):  # what is known is of another
            before = Record(spec.url or "", spec.bare)
        copied = await asyncio.to_thread(self._copy, name)
        known = Validators(before.etag, before.last_modified) if copied is not None and before.fetched_at else None
        after = with_values(before, asked_at=self._clock(), fault="")
        try:
            answer = await self._fetcher.fetch(spec.url or "", time.monotonic() + FETCH_SECONDS, known=known)
            if isinstance(answer, Fetched):
                after = await asyncio.to_thread(self._keep, name, spec, answer, copied, after)
        except FetchError as error:
            reason = f" ({error.reason})" if error.reason != error.public else ""
            after = with_values(after, fault=f"{error.public}{reason}")
        except ListError as error:
            after = with_values(after, fault=str(error))
        except OSError as error:
            after = with_values(after, fault=f"its copy cannot be written: {error.strerror}")
        if after.fault and after.fault != before.fault:
            log.warning("the list %s of %s: %s; the last good copy stays", name, printable(spec.url or ""), after.fault)
        try:
            await asyncio.to_thread(_write_record, self._folder, name, after)
        except OSError as error:
            if not after.fault:
                after = with_values(after, fault=f"what is known of it cannot be written: {error.strerror}")
        return after

    async def follow(self) -> None:
        """Ask for each list whenever it is due, until cancelled."""
        asked: dict[str, float] = {}  # where nothing can be written, it is not asked all the time
        while True:
            for name in self.names:
                record = await asyncio.to_thread(read_record, self._folder, name)
                if self._clock() >= max(self._due(name, record), asked.get(name, 0.0)):
                    asked[name] = self._clock() + RETRY_SECONDS
                    await self.sync(name)
            await asyncio.sleep(NAP_SECONDS)

    def _due(self, name: str, record: Record) -> float:
        spec = self._specs[name]
        if (record.url, record.bare) != (spec.url, spec.bare):
            return 0.0
        seconds = spec.refresh_minutes * 60.0
        if record.asked_at > self._clock():  # the clock was put back
            return 0.0
        return record.asked_at + (min(seconds, RETRY_SECONDS) if record.fault else seconds)

    def _copy(self, name: str) -> HashList | None:
        path = copy_file(self._folder, name)
        try:
            return read_now(Place(path)) if path.exists() else None
        except (ListError, OSError):
            return None

    def _keep(self, name: str, spec: ListSpec, answer: Fetched, copied: HashList | None, after: Record) -> Record:
        """Keep an answer that is a list. Raises ListError where it is not, and OSError."""
        found = parse(answer.data, spec.bare)
        if found.faulty > (len(found) > 0) + len(found) // FAULTY_SHARE:
            first = found.faults[0]
            raise ListError(f"it is not a list: line {first.line} {first.message}")
        if not len(found) and copied is not None and len(copied):
            raise ListError(f"it is empty, after {len(copied)} hashes")
        if found.faulty:
            log.warning("the list %s: %d lines are left out, which cannot be read", name, found.faulty)
        data = _written(found)
        if len(data) > MAX_BYTES:
            raise ListError(f"its copy would have {len(data)} bytes, more than {MAX_BYTES}: its notes are too long")
        replace(copy_file(self._folder, name), data)
        return with_values(
            after,
            etag=answer.validators.etag,
            last_modified=answer.validators.last_modified,
            fetched_at=after.asked_at,
        )


def read_record(folder: Path, name: str) -> Record:
    """What is known of a list; an empty record where nothing is, or nothing that can be read."""
    try:
        values = json.loads(_record_file(folder, name).read_text("utf-8"))
        record = Record(**values)
        Validators(record.etag, record.last_modified)  # raises for what is in no header
        numbers = isinstance(record.asked_at, float) and isinstance(record.fetched_at, float)
        words = all(isinstance(word, str) for word in (record.url, record.bare, record.fault))
        return record if numbers and words else Record()
    except (OSError, ValueError, TypeError):
        return Record()


def _record_file(folder: Path, name: str) -> Path:
    return copy_file(folder, name).with_suffix(".json")


def _write_record(folder: Path, name: str, record: Record) -> None:
    replace(_record_file(folder, name), (json.dumps(asdict(record), indent=1) + "\n").encode())


def _written(found: HashList) -> bytes:
    """A list in which each hash says what it is, and with nothing else: it is read again and again."""
    file = io.BytesIO()  # line by line: a list of two million strings would cost 300 MB
    for entry in found.entries():
        file.write(line(entry.kind, entry.hash, entry.note).encode() + b"\n")
    return file.getvalue()
