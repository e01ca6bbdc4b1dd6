"""Whether something new has happened: answers not heard before, and lines of addons/ not run before.

Lines are counted where Python can do it at next to no cost (`sys.monitoring`, from 3.12); before that, answers alone
tell, which name the reason of every refusal.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any, Self

from tests.running import repository

TOOL = 4  # one of the numbers that no kind of tool has a claim to (PEP 669)
_VARIES = re.compile(rb"ref [0-9a-f]+|[0-9]+| b['\"\\].*")  # the last: what of the request a reason quotes, to its end


class Answers:
    """The kinds of answers that were heard."""

    def __init__(self) -> None:
        self._known: set[bytes] = set()

    def new(self, heard: bytes) -> bool:
        """Whether one of these answers is of a status or a reason that was not heard before."""
        kinds = {
            line[9:12] if line.startswith(b"HTTP/1.1 ") else _VARIES.sub(b"", line)
            for line in heard.split(b"\r\n")
            if line.startswith((b"HTTP/1.1 ", b"{"))
        }
        new = kinds - self._known
        self._known |= new
        return bool(new)

    def __len__(self) -> int:
        return len(self._known)


class Lines:
    """How many lines of addons/ have run, while in `with`; none are counted before Python 3.12."""

    def __init__(self) -> None:
        self._folder = str(Path(repository(), "addons"))
        self._monitoring: Any = getattr(sys, "monitoring", None)
        self._last = self.count = 0

    def __enter__(self) -> Self:
        if self._monitoring:
            self._monitoring.use_tool_id(TOOL, "pictrs-filter fuzz")
            self._monitoring.register_callback(TOOL, self._monitoring.events.LINE, self._ran)
            self._monitoring.set_events(TOOL, self._monitoring.events.LINE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._monitoring:
            self._monitoring.set_events(TOOL, 0)
            self._monitoring.free_tool_id(TOOL)

    def new(self) -> bool:
        """Whether a line ran for the first time since the last call."""
        last, self._last = self._last, self.count
        return self.count > last

    def _ran(self, code: CodeType, line: int) -> Any:
        if code.co_filename.startswith(self._folder):
            self.count += 1
        return self._monitoring.DISABLE  # each line once
