"""The fuzzer of the decoder does real work, and finds what is planted: wrong answers, wrong errors, deaths."""

from __future__ import annotations

import os
import random
import re
import resource
import signal
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import numpy as np
import psutil  # type: ignore[import-untyped]
import pytest

from model.decode import decode
from model.errors import DecoderFailed, TooLarge, Undecodable
from model.formats.media import PNG, WEBP
from model.formats.sniff import sniff
from model.formats.structure import inspect
from model.magnified import magnified_size
from model.preprocess import Views
from tests.fuzz import decode as fuzz
from tests.fuzz.spoil import pieces, repaired, seeds, spoil

pytestmark = pytest.mark.once  # the decoder's

FORMATS = {"jpeg", "png", "apng", "gif", "webp", "avif", "jxl", "mp4", "webm"}


def test_a_run_that_finds_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzz.main(["--files", "800", "--seed", "1", "--store", str(tmp_path / "found")]) == 0
    said = capsys.readouterr().out
    assert said.startswith("seed 1\n")
    last = said[said.rindex("800 files, 0 findings") :]
    assert {line.split(":")[0].strip() for line in last.splitlines()[1:]} == FORMATS
    accepted, undecodable = (
        sum(int(count) for count in re.findall(rf"(\d+) {word}", last)) for word in ("accepted", "undecodable")
    )
    assert accepted > 50
    assert undecodable > 200
    assert not list(tmp_path.glob("found/*.py"))
    assert not psutil.Process().children()


def careless(*_: object) -> Views:
    raise ValueError("a bug")


def ours(*_: object) -> Views:
    raise DecoderFailed("nobody's fault")


def dies(*_: object) -> Views:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def slow(*_: object) -> Views:
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass
    raise Undecodable("late")


def another_each_time(*_: object) -> Views:
    raise next(_ERRORS)("")


_ERRORS = cycle((Undecodable, TooLarge))


def wrong(**numbers: object) -> Callable[..., Views]:
    """Views in which some numbers are not what they may be."""

    def views(*_: object) -> Views:
        arrays = tuple(np.zeros((2, spec.height, spec.width, 3), np.uint8) for spec in fuzz.SPECS)
        fields: dict[str, object] = {"width": 9, "height": 9, "frames": 2, "arrays": arrays, "distinct": 2, "seen": 2}
        return Views(**(fields | numbers))  # type: ignore[arg-type]

    return views


MAGNIFIED = tuple(np.zeros((1, *magnified_size(spec), 3), np.uint8) for spec in fuzz.SPECS)


@pytest.mark.parametrize(
    ("double", "why"),
    [
        (careless, "ValueError: a bug"),
        (ours, "DecoderFailed"),
        (dies, "ended with -9"),
        (slow, "it took 0"),
        (another_each_time, "not the same"),
        (wrong(arrays=(np.zeros((2, 16, 16, 3), np.uint8),)), "wrong shapes"),
        (wrong(trailing=10**9), "behind the end"),
        (wrong(width=2001), "2001 x 9"),
        (wrong(frames=101), "101 frames"),
        (wrong(parts=2), "2 of parts"),
        (wrong(magnified=MAGNIFIED), "1 magnified parts of 0"),
    ],
    ids=lambda value: getattr(value, "__name__", value),  # not str: an address in a name is another in each worker
)
def test_what_is_planted_is_found_and_stored(
    double: Callable[..., Views],
    why: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fuzz, "decode", double)
    if double is slow:
        monkeypatch.setattr(fuzz, "MOST_FILE_SECONDS", 0.1)
        monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    assert fuzz.main(["--files", "8", "--seed", "1", "--store", str(tmp_path)]) == 1
    assert why in capsys.readouterr().out
    found = list(tmp_path.iterdir())
    assert found
    again = [str(file) for file in found]
    assert fuzz.main(again) == 1
    assert why in capsys.readouterr().out
    monkeypatch.setattr(fuzz, "decode", decode)
    assert fuzz.main(again) == 0


def test_good_views_are_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "decode", wrong())
    assert fuzz.check(seeds()["png-RGB"]) == "accepted"


def test_every_seed_is_accepted() -> None:
    assert {name: fuzz.check(data) for name, data in seeds().items()} == dict.fromkeys(seeds(), "accepted")


def test_the_same_seed_spoils_alike() -> None:
    data, other = seeds()["jpeg"], seeds()["gif"]
    one, two = ([spoil(data, random.Random(seed), other) for seed in range(50)] for _ in range(2))
    assert one == two
    assert len(set(one)) > 40


@pytest.mark.parametrize("name", ["png-RGB", "webp-animated", "avif", "jxl-boxes", "jpeg", "mp4"])
def test_the_pieces_are_those_of_the_format(name: str) -> None:
    data = seeds()[name]
    found = pieces(data)
    assert len(found) >= 2
    assert all(0 <= start < end <= len(data) for start, end in found)
    assert (data[found[0][0] : found[0][0] + 8] in data[:24]) or name == "webp-animated"


def test_checksums_and_lengths_are_made_right() -> None:
    png = bytearray(seeds()["png-RGB"])
    png[17] ^= 1
    with pytest.raises(Undecodable, match="checksum"):
        inspect(bytes(png), PNG)
    inspect(repaired(bytes(png)), PNG)
    webp = seeds()["webp"] + b"abcd\x02\x00\x00\x00xy"
    assert inspect(repaired(webp), WEBP).end == len(webp)
    assert sniff(repaired(seeds()["gif"])) is sniff(seeds()["gif"])
