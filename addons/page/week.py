"""What the log says of the last seven days, kept for a while: it may take a second to be read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from addons.audit.reader import Reader
from addons.page import figures

DAYS = 7
WEEK_SECONDS = DAYS * 86_400
KEPT_SECONDS = 60.0
"""How old these figures may be. SQLite needs a while to count a million rows."""


@dataclass(frozen=True)
class Signal:
    """One signal's scores: how many, the bars of their histogram, and how many are at or above each hundredth."""

    count: int
    bars: Sequence[int]
    refusals: Sequence[int]


@dataclass(frozen=True)
class Figures:
    """The week: each signal, and how often each rule decided; only those that did."""

    signals: Mapping[str, Signal]
    hits: Mapping[str, int]


class Week:
    """Reads the log, at most once in KEPT_SECONDS. Any thread may ask; what the log raises goes on."""

    def __init__(self, log: Reader, clock: Callable[[], float]) -> None:
        self._log = log
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: tuple[float, tuple[str, ...], Figures] | None = None

    def figures(self, rules: Sequence[str]) -> Figures:
        """The figures, with the hits of these rules."""
        with self._lock:  # who asks meanwhile waits, and has the same
            now = self._clock()
            if self._kept and self._kept[1] == tuple(rules) and 0 <= now - self._kept[0] < KEPT_SECONDS:
                return self._kept[2]
            read = self._read(now - WEEK_SECONDS, rules)
            self._kept = (now, tuple(rules), read)
            return read

    def _read(self, since: float, rules: Sequence[str]) -> Figures:
        signals = {
            name: Signal(sum(scores.values()), figures.histogram(scores), figures.refusals(scores))
            for name, scores in self._log.scores(since).items()
        }
        hits = {rule: self._log.count(since=since, rule=rule) for rule in rules}
        return Figures(signals, {rule: count for rule, count in hits.items() if count})
