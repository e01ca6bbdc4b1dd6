"""What REF, HASH and FILE mean, and what is said when it is not known."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from addons.admin.listed import Logged, Meant, Unknown, in_log, meant
from addons.admin.looks import Look, NoLooks
from addons.audit.place import LOG_NAME
from addons.audit.row import Row as Verdict
from addons.audit.store import Store
from config.settings import Settings
from model.hashlist import Entry
from model.lists import MIN_QUALITY

A, B, C = (bytes([each]) * 32 for each in (0xAA, 0xBB, 0xCC))
DATA = b"a picture"
EXACT = Entry("sha256", hashlib.sha256(DATA).digest(), "why")


@dataclass(frozen=True)
class Row:
    sha256: str | None = A.hex()
    pdq: str | None = B.hex()
    pdq_quality: int = MIN_QUALITY


class Looks:
    """Takes these looks, and counts how often."""

    def __init__(self, *looks: Look, fails: str = "") -> None:
        self._looks = looks
        self._fails = fails
        self.taken: list[bytes] = []

    async def __call__(self, settings: Settings, data: bytes) -> Sequence[Look]:
        self.taken.append(data)
        if self._fails:
            raise NoLooks(self._fails)
        return self._looks


async def find(
    what: str,
    *,
    similar: bool = True,
    complete: bool = False,
    row: Logged | None = None,
    log: bool = True,
    looks: Looks | None = None,
) -> Meant:
    def look_up(ref: str) -> Logged | None:
        assert ref == "197ddfaf"
        return row

    return await meant(
        what,
        Settings(),
        "why",
        similar=similar,
        look_up=look_up if log else None,
        take_looks=looks or Looks(),
        complete=complete,
    )


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "picture.jpg"
    path.write_bytes(DATA)
    return str(path)


@pytest.mark.parametrize(
    ("what", "entry"),
    [
        (A.hex(), Entry("sha256", A, "why")),
        (A.hex().upper(), Entry("sha256", A, "why")),
        (f"sha256:{A.hex()}", Entry("sha256", A, "why")),
        (f"PDQ {A.hex()}", Entry("pdq", A, "why")),
        (f"pdq:{A.hex()}", Entry("pdq", A, "why")),
    ],
)
async def test_a_hash(what: str, entry: Entry) -> None:
    assert await find(what) == Meant((entry,))


@pytest.mark.parametrize("what", ["197ddfaf", "ref 197ddfaf", "ref=197ddfaf"])
async def test_a_ref(what: str) -> None:
    assert await find(what, row=Row()) == Meant((Entry("sha256", A, "why"), Entry("pdq", B, "why")))
    assert await find(what, row=Row(), similar=False) == Meant((Entry("sha256", A, "why"),))


@pytest.mark.parametrize("row", [Row(pdq=None), Row(pdq_quality=MIN_QUALITY - 1)])
async def test_a_ref_without_a_pdq_hash_that_can_be_relied_on(row: Row) -> None:
    found = await find("197ddfaf", row=row)
    assert found.entries == (Entry("sha256", A, "why"),)
    assert "no PDQ hash of it that can be relied on" in found.missing


async def test_a_ref_that_cannot_be_looked_up() -> None:
    with pytest.raises(Unknown, match="keeps no log in which ref 197ddfaf could be looked up: give the file itself"):
        await find("197ddfaf", log=False)
    with pytest.raises(Unknown, match=r"ref 197ddfaf is not in the log: it may be too old, .*; give the file"):
        await find("197ddfaf")
    with pytest.raises(Unknown, match=r"without its hashes, .*: give the file itself, .*`audit\.hashes: all`"):
        await find("197ddfaf", row=Row(sha256=None))


async def test_a_file(file: str) -> None:
    looks = Looks(Look(A, MIN_QUALITY - 1), Look(B, MIN_QUALITY), Look(C, 100), Look(B, 100))
    assert await find(file, looks=looks) == Meant((EXACT, Entry("pdq", B, "why"), Entry("pdq", C, "why")))
    assert looks.taken == [DATA]
    assert await find(file, looks=looks, similar=False) == Meant((EXACT,))
    assert looks.taken == [DATA]


async def test_a_file_is_known_by_the_looks_of_all_its_pictures_or_not_at_all(file: str) -> None:
    whole = Looks(Look(A, MIN_QUALITY), Look(B, 100))
    both = Meant((EXACT, Entry("pdq", A, "why"), Entry("pdq", B, "why")))
    assert await find(file, looks=whole, complete=True) == both
    for looks, why in (
        (Looks(Look(A, 100), Look(B, MIN_QUALITY - 1)), "in 1 of its 2 pictures there is too little"),
        (Looks(Look(A, MIN_QUALITY - 1)), "there is too little in it for a PDQ hash"),
        (Looks(), "there is too little in it for a PDQ hash"),
        (Looks(fails="it breaks off"), r"its PDQ hash cannot be taken \(it breaks off\)"),
    ):
        with pytest.raises(Unknown, match=f"cannot be allowed by its looks: {why}.*; leave --similar away"):
            await find(file, looks=looks, complete=True)
        assert await find(file, looks=looks, complete=True, similar=False) == Meant((EXACT,))


async def test_the_log_knows_the_looks_of_one_picture_which_is_not_the_whole() -> None:
    with pytest.raises(
        Unknown, match=r"ref 197ddfaf by the looks of one picture.*give the file itself; or leave --sim"
    ):
        await find("197ddfaf", row=Row(), complete=True)
    assert await find("197ddfaf", row=Row(), complete=True, similar=False) == Meant((Entry("sha256", A, "why"),))
    assert await find(f"pdq:{A.hex()}", complete=True) == Meant((Entry("pdq", A, "why"),))


@pytest.mark.parametrize(
    ("looks", "missing"),
    [
        (Looks(fails="it breaks off"), "its PDQ hash cannot be taken (it breaks off)"),
        (Looks(Look(A, MIN_QUALITY - 1)), "there is too little in it for a PDQ hash"),
        (Looks(), "there is too little in it for a PDQ hash"),
    ],
)
async def test_a_file_whose_looks_cannot_be_had(file: str, looks: Looks, missing: str) -> None:
    found = await find(file, looks=looks)
    assert found.entries == (EXACT,)
    assert missing in found.missing


@pytest.mark.parametrize("what", ["197DDFAF", "197ddfa", A.hex()[1:], "md5:" + A.hex(), "none\x1b.jpg"])
async def test_what_is_nothing_of_these(what: str) -> None:
    with pytest.raises(
        Unknown, match=r"No such file .*\(a ref has 8 hex digits in lower case, a hash has 64\)"
    ) as told:
        await find(what)
    assert str(told.value).isprintable()


async def test_the_filters_own_log_is_asked(tmp_path: Path) -> None:
    settings = Settings(state_dir=str(tmp_path))
    with pytest.raises(Unknown, match=r"log\.db: .*; or give the file itself, or its SHA-256"):
        in_log(settings)("197ddfaf")
    row = Verdict(0, 1.0, "197ddfaf", "upload", "reject", "reject", sha256=A.hex(), pdq=B.hex(), pdq_quality=50)
    with contextlib.closing(Store(tmp_path / LOG_NAME)) as store:
        store.append([row])
    found = in_log(settings)("197ddfaf")
    assert found is not None
    assert (found.sha256, found.pdq, found.pdq_quality) == (A.hex(), B.hex(), 50)
    assert in_log(settings)("00000000") is None


async def test_a_ref_of_two_files_is_nobodys(tmp_path: Path) -> None:
    settings = Settings(state_dir=str(tmp_path))

    def row(at: float, ref: str, sha256: str | None) -> Verdict:
        return Verdict(0, at, ref, "upload", "reject", "reject", sha256=sha256)

    rows = [row(1e9, "197ddfaf", A.hex()), row(2e9, "197ddfaf", B.hex()), row(3e9, "197ddfaf", A.hex())]
    rows += [row(1e9, "00000001", A.hex()), row(2e9, "00000001", A.hex())]
    rows += [row(1e9, "00000002", None), row(2e9, "00000002", A.hex())]
    with contextlib.closing(Store(tmp_path / LOG_NAME)) as store:
        store.append(rows)
    look_up = in_log(settings)
    with pytest.raises(Unknown) as told:
        look_up("197ddfaf")
    said = str(told.value)
    assert said.startswith("the log has ref 197ddfaf of 2 files: 2065-01-2")
    assert f" {A.hex()}; 2033-05-1" in said
    assert said.endswith(f" {B.hex()}. Give the SHA-256 of the one you mean")
    with pytest.raises(Unknown, match=f"of 2 files: .* {A.hex()}; .* hash not kept. Give"):
        look_up("00000002")
    found = look_up("00000001")
    assert found is not None
    assert found.sha256 == A.hex()
