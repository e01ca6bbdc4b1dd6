"""Every file of the corpus, sent whole, in pieces, and with a half-close; the property holds, and so does the folder.

passed/     something of it reaches pict-rs           refused/    nothing does
*.http      what `make fuzz` once found: the property held it to be wrong
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.kept import CORPUS, read
from tests.property.harness import Harness
from tests.property.streams import End, Stream

FILES = sorted(CORPUS.rglob("*.http"))


@pytest.fixture(scope="module")
def harness() -> Iterator[Harness]:
    with Harness() as running:
        yield running


def test_there_is_a_corpus() -> None:
    assert len(FILES) >= 100
    assert {file.parent.name for file in FILES} >= {"passed", "refused"}
    assert all(b"\r\n" in file.read_bytes() for file in FILES)  # no tool has changed its line ends


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(CORPUS)))
def test_the_property_holds_for_it(harness: Harness, file: Path) -> None:
    whole, before = read(file), harness.passed
    cuts = tuple(range(1, len(whole.data), max(1, len(whole.data) // 20)))
    harness.send([whole, Stream(whole.data, whole.end, cuts), Stream(whole.data, End.HALF)])
    match file.parent.name:
        case "passed":
            assert harness.passed > before
        case "refused":
            assert harness.passed == before
