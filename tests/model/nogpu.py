"""torch.cuda on a machine without a GPU: streams and events that do everything at once, memory that is not pinned."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch

from model import lane


class Now:
    """A stream, or an event on it, for which nothing waits: everything is done already."""

    def __init__(self, *, blocking: bool = False) -> None: ...

    def wait_stream(self, other: object) -> None: ...

    def record(self) -> None: ...

    def synchronize(self) -> None: ...


def without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the end of the test."""
    for name in ("device", "stream"):
        monkeypatch.setattr(torch.cuda, name, nullcontext)
    for name in ("current_stream", "Stream", "Event"):
        monkeypatch.setattr(torch.cuda, name, Now)
    monkeypatch.setattr(lane, "_pinned", lambda shape, dtype: torch.zeros(shape, dtype=dtype))
