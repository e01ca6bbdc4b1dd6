"""The requests in hand: what each one holds until it has ended, however it ends.

A request ends when its answer is out, when it fails, or when its client leaves, whichever comes first, and everything
that it holds (its place, its ticket, its timer) goes with it, once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from addons.admission import Slot
from addons.fetch.staging import Ticket


@dataclass(eq=False)
class Case:
    """One request in hand. `desk` decides on it; `found` is what the desk made of its head.

    `status` is that of its answer, once it is out; None where it never came to one.
    `timer` rings at `due` (seconds of the loop's clock) or before. `old`: it is HTTP/1.0. `begun`: pict-rs's answer is
    on its way. `unread`: bytes for its client that lay here when its time ran out, 0 while it takes what comes.
    """

    flow_id: str
    client_id: str
    desk: Any
    found: Any = None
    slot: Slot | None = None
    ticket: Ticket | None = None
    ends: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    timer: asyncio.TimerHandle | None = None
    due: float = 0.0
    task: asyncio.Task[Any] | None = None
    open: bool = True
    old: bool = False
    begun: bool = False
    unread: int = 0
    status: int | None = None

    def stop_timer(self) -> None:
        """Forget the time limit that runs."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class Cases:
    """All of them. `idle` is set while there are none. `ended` is told of each that ends, and must not raise."""

    def __init__(self, ended: Callable[[Case], None] = lambda _: None) -> None:
        self._ended = ended
        self._cases: dict[str, Case] = {}
        self._before: Counter[object] = Counter()  # desk -> how many
        self._of_client: dict[str, set[str]] = {}
        self.idle = asyncio.Event()
        self.idle.set()

    def __len__(self) -> int:
        return len(self._cases)

    def count(self, desk: object) -> int:
        """How many are before one desk."""
        return self._before[desk]

    def begin(self, flow_id: str, client_id: str, desk: object) -> Case:
        """Take a request in hand."""
        case = self._cases[flow_id] = Case(flow_id, client_id, desk)
        self._before[desk] += 1
        self._of_client.setdefault(client_id, set()).add(flow_id)
        self.idle.clear()
        return case

    def get(self, flow_id: str) -> Case | None:
        """The case of a flow that has not ended."""
        return self._cases.get(flow_id)

    def end(self, flow_id: str) -> None:
        """Let go of a request and all that it holds. Idempotent."""
        case = self._cases.pop(flow_id, None)
        if case is None:
            return
        case.open = False
        self._before[case.desk] -= 1
        flows = self._of_client[case.client_id]
        flows.discard(flow_id)
        if not flows:
            del self._of_client[case.client_id]
        if not self._cases:
            self.idle.set()
        case.stop_timer()
        case.ends.close()
        self._ended(case)

    def end_client(self, client_id: str) -> None:
        """Stop working for a client that has left."""
        for flow_id in list(self._of_client.get(client_id, ())):
            task = self._cases[flow_id].task
            if task is not None:
                task.cancel()
            self.end(flow_id)
