"""Who is told of each decision: the log, the metrics, whoever else. None of them can harm another, or the proxy."""

from __future__ import annotations

import logging
from collections.abc import Callable

from addons.inspection import Decision
from addons.seldom import Seldom

log = logging.getLogger("pictrs_filter")

SAY_SECONDS = 60.0
"""How often a fault of an observer is told, at most: it comes with each picture."""

Observer = Callable[[Decision], None]


class Observers:
    """Itself an observer, on the event loop: each is to be quick, and is told in the order in which it was added."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = [*observers]
        self._seldom = Seldom(SAY_SECONDS)

    def add(self, observer: Observer) -> None:
        """Tell this one too, from now on."""
        self._observers.append(observer)

    def __call__(self, decision: Decision) -> None:
        """Tell all of them. What one raises is logged, and goes no further: the decision stands."""
        for observer in self._observers:
            try:
                observer(decision)
            except Exception:
                if self._seldom.now():
                    log.exception("a fault of the filter's own: an observer did not take ref=%s", decision.ref)
