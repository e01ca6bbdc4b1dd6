"""Shared memory holds what was written, and has one size for ever."""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Iterator

import pytest

from model import memfd

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memfd is Linux's")
SIZE = 100_000


@pytest.fixture
def fd() -> Iterator[int]:
    made = memfd.create(SIZE)
    yield made
    os.close(made)


def test_there(fd: int) -> None:
    data = os.urandom(SIZE)
    memfd.write(fd, data)
    handle = memfd.read_only(fd)
    assert memfd.read(handle, SIZE) == data
    os.close(handle)


def test_and_back(fd: int) -> None:
    parts = [os.urandom(1000), os.urandom(5)]
    memfd.write_mapped(fd, map(memoryview, parts))
    assert memfd.read_into(fd, bytearray(1005)) == b"".join(parts)
    memfd.write_mapped(fd, [])


def test_in_pieces(fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = os.pread
    monkeypatch.setattr(memfd, "MAX_CALL_BYTES", 1000)
    monkeypatch.setattr(os, "pread", lambda fd, count, at: honest(fd, min(count, 1000), at))
    data = os.urandom(4321)
    memfd.write(fd, data)
    assert memfd.read(fd, 4321) == data


def test_more_than_there_is(fd: int) -> None:
    with pytest.raises(ValueError, match=f"{SIZE} bytes has not {SIZE + 1}"):
        memfd.read(fd, SIZE + 1)
    with pytest.raises(PermissionError):
        memfd.write(fd, bytes(2 * SIZE))


def test_one_size_for_ever(fd: int) -> None:
    for size in (SIZE - 1, SIZE + 1, 0):
        with pytest.raises(PermissionError):
            os.ftruncate(fd, size)
    with pytest.raises(PermissionError):
        os.posix_fallocate(fd, 0, SIZE * 2)


def test_who_is_to_read_cannot_write(fd: int) -> None:
    handle = memfd.read_only(fd)
    with pytest.raises(OSError, match="Bad file"):
        os.write(handle, b"x")
    with pytest.raises(PermissionError):
        mmap.mmap(handle, 4096)
    mmap.mmap(handle, 4096, prot=mmap.PROT_READ).close()
    os.close(handle)


def test_punching_leaves_zeros_and_takes_no_memory(fd: int) -> None:
    assert os.fstat(fd).st_blocks == 0
    memfd.write(fd, b"x" * SIZE)
    full = os.fstat(fd).st_blocks
    memfd.punch(fd, 4096, SIZE)
    assert memfd.read(fd, SIZE) == b"x" * 4096 + bytes(SIZE - 4096)
    memfd.punch(fd, 4096, SIZE)
    assert os.fstat(fd).st_blocks * 512 == 4096 < full * 512
