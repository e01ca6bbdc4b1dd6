"""One file's views with one model, from the question to its answer: rows of scores as they come, or why there are none.

Belongs to the event loop.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from model.classifier import Enough
from model.errors import JudgeError
from model.line import Ask, Slice

Row = NDArray[np.float32]


@dataclass(eq=False)
class Asked(Ask):
    """An ask with what has come of it: rows of scores, those of the first `so_far` views complete, or an error."""

    labels: int = 0
    failed: bool = field(default=False, init=False)
    error: JudgeError | None = field(default=None, init=False)
    rows: Row = field(init=False)

    def __post_init__(self) -> None:
        self.news = asyncio.Event()
        self.rows = np.zeros((len(self.views), self.labels), np.float32)
        self._known = np.zeros(len(self.views), np.bool_)

    @property
    def so_far(self) -> int:
        """How many of the first views are scored."""
        return len(self._known) if self._known.all() else int(self._known.argmin())

    def fail(self, error: JudgeError) -> None:
        """Nobody needs to wait for it any more."""
        self.gone = True
        self.error = self.error or error
        self.news.set()

    def land(self, part: Slice[Asked], rows: Row) -> None:
        """Take the rows of a part."""
        self.rows[part.start : part.stop] = rows
        self._known[part.start : part.stop] = True
        self.news.set()

    async def scored(self, enough: Enough | None) -> Row:
        """The rows, once all are there, or those that are there are enough. Raises why there will be none."""
        while True:
            await self.news.wait()
            self.news.clear()
            if self.error is not None:
                error, self.error = self.error, None  # which will hold what is here, by its traceback
                raise error
            rows = self.rows[: self.so_far]
            if len(rows) == len(self.rows) or (len(rows) and enough is not None and enough(rows)):
                return rows
