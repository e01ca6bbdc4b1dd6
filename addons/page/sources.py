"""What the page is made of: the log of verdicts, the lists, and what the filter says of itself.

All of it is called in threads of the internal port, never on the proxy's loop.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from addons.audit.reader import Reader
from config.load import Config

Kind = Literal["allow", "deny"]
"""The administrator's own lists."""
KINDS: tuple[Kind, ...] = get_args(Kind)


class BookError(Exception):
    """A list cannot be changed; the message is for the administrator."""


class Book(Protocol):
    """The administrator's lists, to be written to."""

    def add(self, kind: Kind, digest: str, note: str) -> None:
        """Put a SHA-256 (64 hex digits) on a list. Raises BookError."""
        ...

    def remove(self, kind: Kind, digest: str) -> None:
        """Take a SHA-256 off a list, if it is on it. Raises BookError."""
        ...

    def on(self, digest: str) -> Sequence[Kind]:
        """The lists that a SHA-256 is on. Reads them: with a million hashes that takes a second. Raises BookError."""
        ...


@dataclass(frozen=True)
class Reloaded:
    """How the last reading of the configuration went, at `at` (seconds since 1970); `message` says why it failed.

    `waiting`: names of settings that the file has anew, and that count from the next start on.
    """

    good: bool
    at: float
    message: str = ""
    waiting: Sequence[str] = ()


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
    is no history, and nothing can be put on a list. `exposition` is the metrics as Prometheus reads them.
    """

    config: Callable[[], Config]
    unready: Callable[[], Sequence[str]]
    device: Callable[[], str] = lambda: "-"
    in_hand: Callable[[], int] = lambda: 0
    log: Reader | None = None
    book: Book | None = None
    reloaded: Callable[[], Reloaded | None] = lambda: None
    lists: Callable[[], Sequence[Listed]] = tuple
    exposition: Callable[[], bytes] = bytes
    clock: Callable[[], float] = time.time
