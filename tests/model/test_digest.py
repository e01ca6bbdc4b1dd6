"""SHA-256 on the event loop and off it."""

from __future__ import annotations

import hashlib
import threading
from typing import Any

import pytest

from model.digest import OFF_LOOP_BYTES, sha256


@pytest.mark.parametrize(
    ("size", "on_the_loop"), [(0, True), (OFF_LOOP_BYTES - 1, True), (OFF_LOOP_BYTES, False), (1_000_000, False)]
)
async def test_large_files_are_hashed_in_a_thread(
    size: int, on_the_loop: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads, plain = [], hashlib.sha256

    def noted(data: bytes) -> Any:
        threads.append(threading.get_ident())
        return plain(data)

    monkeypatch.setattr(hashlib, "sha256", noted)
    data = b"\x01" * size
    assert await sha256(data) == plain(data).hexdigest()
    assert [thread == threading.get_ident() for thread in threads] == [on_the_loop]
