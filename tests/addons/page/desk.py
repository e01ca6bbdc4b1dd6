"""A filled log, lists that note what they are given, and the page over both."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from addons.audit.reader import Reader
from addons.audit.row import Row
from addons.audit.store import Store
from addons.page.app import build
from addons.page.sessions import Sessions
from addons.page.sources import BookError, Kind, Listed, Sources
from addons.page.token import Token
from config.load import Config, load

TOKEN = "a token of these tests"
HOST = "filter.test"
NOW = 1_800_000_000.0
SHA = "ab" * 32


class Notebook:
    """Takes what is put on a list; or raises `error`."""

    def __init__(self, error: str = "") -> None:
        self.entries: list[tuple[Kind, str, str]] = []
        self.error = error

    def add(self, kind: Kind, digest: str, note: str) -> None:
        if self.error:
            raise BookError(self.error)
        self.entries.append((kind, digest, note))

    def remove(self, kind: Kind, digest: str) -> None:
        if self.error:
            raise BookError(self.error)
        self.entries = [entry for entry in self.entries if entry[:2] != (kind, digest)]

    def on(self, digest: str) -> list[Kind]:
        if self.error:
            raise BookError(self.error)
        return sorted({kind for kind, value, _ in self.entries if value == digest})


def row(index: int, at: float = NOW, **changes: Any) -> Row:
    """A passed upload with the ref `index` in hex."""
    fields: dict[str, Any] = {
        "id": 0,
        "at": at - index,
        "ref": f"{index:08x}",
        "source": "upload",
        "outcome": "pass",
        "strict": "pass",
        "type": "jpeg",
        "size": 123_456,
        "views": 12,
        "scores": {"nsfw": 0.02},
        "mode": "enforce",
        "backend": "cpu",
        "ms": 400.0,
        "stage_ms": {"hash": 1.0, "decode": 120.0, "classify": 279.0},
        "policy": "cd" * 32,
    }
    return Row(**fields | changes)


REFUSED = {"outcome": "reject", "strict": "reject", "rule": "explicit", "scores": {"nsfw": 0.93}, "sha256": SHA}


def filled(now: float = NOW) -> list[Row]:
    """Some hundreds of verdicts of every kind, the oldest first: 300 ordinary, 10 borderline, 6 refused."""
    rows = [row(index, now - 37 * index, scores={"nsfw": (index % 29) / 100}) for index in range(1, 301)]
    rows += [
        row(400 + index, now - 300 * index, rule="borderline", scores={"nsfw": 0.6 + index / 50}) for index in range(10)
    ]
    rows += [row(500 + index, now - 200 * index, **REFUSED) for index in range(6)]
    rows.append(row(600, now - 70, **{**REFUSED, "outcome": "pass", "mode": "shadow"}))
    broken: dict[str, Any] = {"type": None, "views": 0, "scores": {}, "rule": "undecodable", "cause": "undecodable"}
    rows.append(row(601, now - 80, **broken, outcome="reject", strict="reject", detail="broken data stream"))
    late: dict[str, Any] = {"views": 0, "scores": {}, "rule": "deadline", "cause": "deadline", "ms": 8003.0}
    rows.append(row(602, now - 90, **late, outcome="unavailable", strict="unavailable"))
    rows.append(row(603, now - 95, **late, source="proxy"))
    return sorted(rows, key=lambda each: each.at)


def write(path: Path, rows: list[Row]) -> Reader:
    """A log with these rows."""
    store = Store(path)
    store.append(rows)
    store.close()
    return Reader(path)


def sources(log: Reader | None, book: Notebook | None = None, **changes: Any) -> Sources:
    """What a page is made of, with a clock that stands at NOW."""
    config: Config = changes.pop("config", None) or load(None, {})
    fields: dict[str, Any] = {
        "config": lambda: config,
        "unready": list,
        "device": lambda: "cpu, 2 threads",
        "log": log,
        "book": book,
        "lists": lambda: [Listed("allow", 3), Listed("friends", 12_345, "as of yesterday: the server does not answer")],
        "exposition": lambda: b"# nothing\n",
        "clock": lambda: NOW,
    }
    return Sources(**fields | changes)


@contextmanager
def asked(given: Sources, *, token: str | None = TOKEN, now: Any = time.monotonic) -> Iterator[TestClient]:
    """A client of the page, which follows no redirect."""
    app = build(given, Sessions(Token(token) if token else None, now), (HOST,))
    with TestClient(app, base_url=f"http://{HOST}:8083", follow_redirects=False) as client:
        yield client


OWN = {"Origin": f"http://{HOST}:8083", "Sec-Fetch-Site": "same-origin"}
"""What a browser sends with a form of our own page."""
