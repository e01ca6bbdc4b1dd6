"""Writes the log in a thread of its own, so that the proxy never waits for a disk.

Between them is a queue that holds QUEUE_ROWS. What cannot be written is tried again, for as long as the queue has room;
what then comes is dropped and counted. Nothing of this reaches a verdict: with no log at all, the gate stays as it is.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from addons.audit.retention import Retention
from addons.audit.row import Circumstances, Row, row_of
from addons.audit.store import Store, StoreError
from addons.inspection import Decision
from addons.seldom import Seldom
from config.audit import Audit

log = logging.getLogger("pictrs_filter")

QUEUE_ROWS = 4096
"""Verdicts that wait to be written, at most: about 8 MB, and minutes of what one machine can judge."""
BATCH_ROWS = 256
"""Rows of one transaction, at most: some 5 ms."""
IDLE_SECONDS = 600.0
"""How often the age of rows is looked at where no new ones come."""
RETRY_SECONDS = 1.0
MAX_RETRY_SECONDS = 30.0
"""How soon a log that could not be written is tried again: twice as long after each failure, up to this."""
CLOSE_SECONDS = 2.0
"""How long a stop waits for what is in the queue. 4096 rows take 0.1 s on a disk that works."""
SAY_SECONDS = 60.0
"""How often the program's log tells that this one cannot be written, at most."""


class Keeping(Protocol):
    """What is needed of store.Store; its methods raise StoreError."""

    def open(self) -> None:
        """Open the file."""
        ...

    def append(self, rows: list[Row]) -> None:
        """Write all rows, or none."""
        ...

    def expire(self, before: float | None, keep_rows: int) -> bool:
        """Delete some of what has had its time; True when there is more."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


class Writer:
    """One per process. `note` is for the event loop, and so are the attributes; `circumstances` may be replaced."""

    def __init__(
        self,
        path: Path,
        settings: Audit,
        circumstances: Circumstances,
        *,
        store: Keeping | None = None,
        retention: Retention | None = None,
        say_clock: Callable[[], float] | None = None,
    ) -> None:
        self.path = path
        self.circumstances = circumstances
        self.written = 0
        self._settings = settings
        self._store: Keeping = store or Store(path)
        self._retention = retention or Retention(settings.keep_days)
        self._queue: queue.Queue[tuple[Decision, Circumstances] | None] = queue.Queue(QUEUE_ROWS)
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._failing = ""
        self._overflowed = 0  # counted by who notes, and
        self._lost = 0  # by the thread: each has its own, so neither needs a lock
        self._seldom = Seldom(SAY_SECONDS, say_clock) if say_clock else Seldom(SAY_SECONDS)
        self._saying = threading.Lock()

    @property
    def dropped(self) -> int:
        """How many verdicts are missing from the log since the start."""
        return self._overflowed + self._lost

    @property
    def failing(self) -> str:
        """Why nothing can be written at the moment, or an empty text."""
        return self._failing or ("the disk does not keep up" if self._queue.full() else "")

    def start(self) -> None:
        """Begin to write. What was noted before is written too."""
        if self._thread is not None:
            return
        self._thread = threading.Thread(target=self._run, name="log of verdicts", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:  # the system gives no thread: without a log, then
            self._thread = None
            self._fail(str(error))

    def note(self, decision: Decision) -> None:
        """Have a decision written some time soon. Never waits and never raises."""
        try:
            if self._closing.is_set():
                raise queue.Full
            self._queue.put_nowait((decision, self.circumstances))
        except queue.Full:
            self._overflowed += 1
            self._say(self.failing)

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Write what is noted, for at most `seconds`, and end. It blocks: not for the event loop."""
        if not self._queue.empty():
            self.start()
        self._closing.set()
        with contextlib.suppress(queue.Full):  # then it is awake
            self._queue.put_nowait(None)
        if self._thread is not None:
            self._thread.join(seconds)
            if self._thread.is_alive():
                log.warning("%s: %d verdicts were not written in time", self.path, self._queue.qsize())

    def _run(self) -> None:
        batch: list[Row] = []
        more, wait = False, RETRY_SECONDS
        try:
            self._store.open()
        except StoreError as error:
            self._fail(str(error))
        while batch or not self._closing.is_set() or not self._queue.empty():
            batch = batch or self._take(0.0 if more else IDLE_SECONDS)
            try:
                if batch:
                    self._store.append(batch)
                    self.written += len(batch)
                    batch = []
                more = self._store.expire(self._retention.before(), self._settings.keep_rows)
                self._recover()
                wait = RETRY_SECONDS
            except StoreError as error:
                self._fail(str(error))
                if self._closing.wait(wait):
                    self._lost += len(batch) + self._left()
                    break
                wait = min(2 * wait, MAX_RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001 -- a fault of ours costs some rows, and not all that come after
                self._lost += len(batch)
                batch, more = [], False
                self._fail(_told(error))
        self._store.close()

    def _take(self, seconds: float) -> list[Row]:
        """What is noted, at most BATCH_ROWS; waits for something, but not longer than `seconds`."""
        rows: list[Row] = []
        try:
            noted = self._queue.get(timeout=seconds) if seconds else self._queue.get_nowait()
            while True:
                if noted is None or self._add(noted, rows) == BATCH_ROWS:
                    return rows
                noted = self._queue.get_nowait()
        except queue.Empty:
            return rows

    def _add(self, noted: tuple[Decision, Circumstances], rows: list[Row]) -> int:
        """Add a row, where no fault of ours prevents it. Gives how many there are."""
        try:
            rows.append(row_of(*noted, self._settings))
        except Exception as error:  # noqa: BLE001 -- it costs this row, and not all that come after
            self._lost += 1
            self._fail(_told(error))
        return len(rows)

    def _left(self) -> int:
        """How many are in the queue, for the last time."""
        count = 0
        while True:
            try:
                count += self._queue.get_nowait() is not None
            except queue.Empty:
                return count

    def _fail(self, reason: str) -> None:
        self._failing = reason
        self._say(reason)

    def _recover(self) -> None:
        if self._failing:
            self._failing = ""
            log.info("%s is written again; %d verdicts are missing from it", self.path, self.dropped)

    def _say(self, reason: str) -> None:
        with self._saying:
            if not self._seldom.now():
                return
        log.warning(
            "%s cannot be written: %s. Pictures are judged as before; %d verdicts are missing from it so far",
            self.path,
            reason,
            self.dropped,
        )


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
