"""What lists say about a file, and how much a likeness counts."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from numpy.typing import NDArray

from model.listed import File, NoLists, how
from tests.fakelists import Entries, Entry, pdq

ONE, OTHER = (hashlib.sha256(data).hexdigest() for data in (b"one", b"other"))


def file(*sha256: str, distance: int | None = None) -> File:
    """A file of one picture whose PDQ hash is so many bits from that of the entry below."""
    if distance is None:
        return File(sha256)
    return File(sha256, *pdq(distance))


LISTS = Entries(
    {
        "deny": [Entry("sha256", ONE, "seen before"), Entry("pdq")],
        "allow": [Entry("sha256", OTHER, "a cat"), Entry("pdq")],
    }
)


def test_the_file_as_it_came_and_as_it_goes_on_is_looked_for() -> None:
    for known in (file(ONE), file(OTHER, ONE), file(ONE, OTHER)):
        found = known.denied(LISTS)
        assert found is not None
        assert (found.kind, found.note) == ("sha256", "seen before")
    assert file(OTHER).denied(LISTS) is None


@pytest.mark.parametrize(
    ("distance", "denied", "allowed"),
    [(0, True, True), (10, True, True), (11, True, False), (31, True, False), (32, False, False)],
)
def test_a_likeness_refuses_up_to_31_bits_and_lets_pass_up_to_10(distance: int, denied: bool, allowed: bool) -> None:
    known = file("00" * 32, distance=distance)
    assert (known.denied(LISTS) is not None) is denied
    assert (known.allowed(LISTS, similar=True) is not None) is allowed
    assert known.allowed(LISTS, similar=False) is None


def test_questions_of_rules() -> None:
    lists = Entries({"shared": [Entry("pdq", note="from a friend")], "other": [Entry("sha256", ONE)]})
    asked = {("shared", None), ("shared", 10), ("shared", 31), ("other", None), ("other", 31), ("gone", 31)}
    found = file(ONE, distance=12).answers(lists, asked)
    assert found == {
        ("shared", 31): "pdq, 12 bits away: from a friend",
        ("other", None): "sha256",
        ("other", 31): "sha256",
    }
    assert file(OTHER).answers(lists, asked) == {}
    assert file(ONE, distance=0).answers(NoLists(), asked) == {}


def test_words() -> None:
    assert how(Entry("sha256", ONE, "")) == "sha256"
    assert how(Entry("sha256", ONE, "a note")) == "sha256: a note"


@pytest.mark.parametrize("distance", [0, 12, 31])
def test_hashes_are_bits(distance: int) -> None:
    hashes, quality = pdq(distance)
    zero: NDArray[np.uint8] = np.zeros(32, np.uint8)
    assert (hashes.shape, quality.shape) == ((1, 8, 32), (1,))
    assert int(np.bitwise_count(hashes[0, 0] ^ zero).sum()) == distance
