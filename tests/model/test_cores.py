from __future__ import annotations

import os
from pathlib import Path

import pytest

from model.cores import cores


@pytest.mark.parametrize(
    ("share", "pinned", "found"),
    [
        ("max 100000\n", 8, 8),
        ("400000 100000\n", 8, 4),
        ("150000 100000\n", 8, 1),
        ("50000 100000\n", 8, 1),
        ("1600000 100000\n", 2, 2),
        ("nonsense\n", 3, 3),
        ("100000 0\n", 3, 3),
        (None, 5, 5),
    ],
)
def test_cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, share: str | None, pinned: int, found: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(pinned)))
    file = tmp_path / "cpu.max"
    if share is not None:
        file.write_text(share)
    assert cores(file) == found


def test_where_nothing_can_be_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores(tmp_path / "none") == 1
