"""What lists say about a file, and how much a likeness counts."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from numpy.typing import NDArray

from model.condition import Question
from model.listed import File, NoLists, how, of_views
from model.preprocess import Views
from tests.fakelists import Entries, Entry, pdq

ONE, OTHER = (hashlib.sha256(data).hexdigest() for data in (b"one", b"other"))


def file(*sha256: str, distance: int | None = None) -> File:
    """A file of one picture whose PDQ hash is so many bits from that of the entry below."""
    if distance is None:
        return File(sha256)
    return File(sha256, *pdq(distance), complete=True)


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
    near, far = Question("shared", 31, every=False), Question("shared", 10, every=False)
    exact, other = Question("other", None, every=True), Question("other", 31, every=False)
    asked = {near, far, exact, other, Question("shared", 10, every=True), Question("gone", 31, every=False)}
    found = file(ONE, distance=12).answers(lists, asked)
    assert found == {
        near: "pdq, 12 bits away: from a friend",
        exact: "sha256",
        other: "sha256",
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


@pytest.mark.parametrize(("second", "quality"), [(11, 100), (256, 100), (0, 49)])
def test_a_file_passes_for_its_looks_only_if_every_picture_in_it_is_allowed(second: int, quality: int) -> None:
    """Who adds a frame, or what is seen on another background only, gets nothing past it by the one that is allowed."""
    (one, good), (two, other) = pdq(0), pdq(second, quality)
    both = File((), np.concatenate([one, two]), np.concatenate([good, other]), complete=True)
    assert both.allowed(LISTS, similar=True) is None
    assert both.denied(LISTS) is not None, "one is enough for that"
    twice = File((), np.concatenate([one, one]), np.concatenate([good, good]), complete=True)
    assert twice.allowed(LISTS, similar=True) is not None


def test_a_file_of_which_not_all_was_looked_at_does_not_pass_for_its_looks() -> None:
    assert File((), *pdq(0)).allowed(LISTS, similar=True) is None
    assert File((), *pdq(0), complete=True).allowed(LISTS, similar=True) is not None


@pytest.mark.parametrize(("video", "seen", "complete"), [(False, 3, True), (False, 2, False), (True, 3, False)])
def test_what_was_looked_at(video: bool, seen: int, complete: bool) -> None:
    views = Views(8, 8, 3, (), distinct=3, seen=seen)
    assert of_views((ONE, ONE, OTHER), views, video=video, until=1.0).complete is complete
    assert of_views((ONE, ONE, OTHER), views, video=video, until=1.0).sha256 == (ONE, OTHER)
