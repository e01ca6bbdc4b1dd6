"""What the page is made of, as protocols: the log of verdicts, the lists, and what the filter says of itself.

All of it is called in threads of the internal port, never on the proxy's loop.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from config.load import Config

Kind = Literal["allow", "deny"]
"""The administrator's own lists."""


class Row(Protocol):
    """One verdict of the log. Times are seconds since 1970, `ms` milliseconds, hashes hex digits or None."""

    @property
    def id(self) -> int: ...  # noqa: D102 -- as the protocol says, and so below
    @property
    def at(self) -> float: ...  # noqa: D102
    @property
    def ref(self) -> str: ...  # noqa: D102
    @property
    def source(self) -> str: ...  # noqa: D102
    @property
    def outcome(self) -> str: ...  # noqa: D102
    @property
    def strict(self) -> str: ...  # noqa: D102
    @property
    def rule(self) -> str | None: ...  # noqa: D102
    @property
    def cause(self) -> str | None: ...  # noqa: D102
    @property
    def type(self) -> str | None: ...  # noqa: D102
    @property
    def size(self) -> int: ...  # noqa: D102
    @property
    def views(self) -> int: ...  # noqa: D102
    @property
    def sampled(self) -> str: ...  # noqa: D102
    @property
    def scores(self) -> Mapping[str, float]: ...  # noqa: D102
    @property
    def in_part(self) -> Mapping[str, float]: ...  # noqa: D102
    @property
    def mode(self) -> str: ...  # noqa: D102
    @property
    def backend(self) -> str: ...  # noqa: D102
    @property
    def ms(self) -> float: ...  # noqa: D102
    @property
    def stage_ms(self) -> Mapping[str, float]: ...  # noqa: D102
    @property
    def policy(self) -> str: ...  # noqa: D102
    @property
    def sha256(self) -> str | None: ...  # noqa: D102
    @property
    def pdq(self) -> str | None: ...  # noqa: D102
    @property
    def host(self) -> str | None: ...  # noqa: D102
    @property
    def note(self) -> str: ...  # noqa: D102
    @property
    def cached(self) -> bool: ...  # noqa: D102
    @property
    def detail(self) -> str: ...  # noqa: D102


class Log(Protocol):
    """Questions to the log. Each may be asked in any thread, and raises one of `Sources.log_errors`."""

    def rows(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        rule: str | None = None,
        ref: str | None = None,
        source: str | None = None,
        outcome: Any = None,
        before: int | None = None,
        limit: int = 100,
    ) -> Sequence[Row]:
        """The newest rows that are as asked, newest first; `before` is an id."""
        ...

    def get(self, ref: str) -> Row | None:
        """The newest row with that ref."""
        ...

    def count(self, *, since: float | None = None, rule: str | None = None) -> int:
        """How many rows are as asked."""
        ...

    def scores(self, since: float) -> dict[str, list[float]]:
        """signal -> the highest score of each judged file, whole or part."""
        ...

    def by_minute(self, since: float) -> Sequence[tuple[int, int, int, int]]:
        """(the minute's first second, scanned, refused, unscanned) of each minute that has any, in order."""
        ...


class Book(Protocol):
    """The administrator's lists, to be written to."""

    def add(self, kind: Kind, digest: str, note: str) -> None:
        """Put a SHA-256 (64 hex digits) on a list. Raises OSError or ValueError, whose text is for people."""
        ...


@dataclass(frozen=True)
class Reloaded:
    """How the last reading of the configuration went, at `at` (seconds since 1970); `message` says why it failed."""

    good: bool
    at: float
    message: str = ""


@dataclass(frozen=True)
class Listed:
    """One list: its name, how many entries it has, and what there is to say of it (a failed fetch, say)."""

    name: str
    entries: int
    state: str = ""


@dataclass(frozen=True)
class Sources:
    """What the page asks. `unready` gives the reasons why pictures cannot be judged now, in words; none: they can.

    `device`: where the models run. `in_hand`: requests that have not ended. `log` and `book` may be missing: then there
    is no history, and nothing can be put on a list.
    """

    config: Callable[[], Config]
    unready: Callable[[], Sequence[str]]
    device: Callable[[], str] = lambda: "-"
    in_hand: Callable[[], int] = lambda: 0
    log: Log | None = None
    book: Book | None = None
    reloaded: Callable[[], Reloaded | None] = lambda: None
    lists: Callable[[], Sequence[Listed]] = tuple
    exposition: Callable[[], bytes] = bytes
    log_errors: tuple[type[Exception], ...] = (OSError, sqlite3.Error)
    clock: Callable[[], float] = time.time
