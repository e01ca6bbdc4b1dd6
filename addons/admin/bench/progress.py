"""Where the measuring is: on a terminal a bar that fills, elsewhere a line for each step that is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

BAR = 20
"""Characters of a bar."""
REDRAW_SECONDS = 0.1
"""Seconds between two drawings of a bar: often enough for eyes, too seldom to disturb what is measured."""
ERASE = "\r\x1b[K"
"""To the beginning of the line, and away with what stands there (ECMA-48: EL)."""


class Progress:
    """Writes to `stream`, which is a terminal or not. `clock` gives seconds."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._clock = clock
        self._step = ""
        self._drawn_at = float("-inf")

    def begin(self, step: str) -> None:
        """A step begins. One that was not ended leaves no line."""
        self._step = step
        self._drawn_at = float("-inf")
        self.at(0.0)

    def at(self, share: float) -> None:
        """So much of the step is over, 0..1."""
        now = self._clock()
        if self._terminal and now - self._drawn_at >= REDRAW_SECONDS:
            self._drawn_at = now
            full = round(share * BAR)
            self._write(f"{ERASE}[{'#' * full}{'.' * (BAR - full)}] {self._step}")

    def end(self, found: str = "") -> None:
        """The step is over, with what it came to."""
        self._write(f"{ERASE if self._terminal else ''}{self._step}{': ' if found else ''}{found}\n")
        self._step = ""

    def clear(self) -> None:
        """Take away a bar that is not full, before something else is written."""
        if self._terminal and self._step:
            self._write(ERASE)
        self._step = ""

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
