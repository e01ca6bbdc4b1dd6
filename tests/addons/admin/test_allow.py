"""`pictrs-filter allow` and `deny`: what stands in the lists afterwards, and what is said."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from addons.admin.allow import change
from addons.admin.listed import Logged
from addons.admin.looks import Look
from addons.lists.book import Book
from addons.lists.places import lists_folder, own_file
from config.load import Config
from model.card import CARD_SHA256, card
from model.hashlist import Entry
from tests.addons.admin.test_listed import DATA, EXACT, A, B, Looks, Row
from tests.running import config

Captured = pytest.CaptureFixture[str]
NOWHERE = ("127.0.0.1", 9)
PDQ = Entry("pdq", B, "why")


@pytest.fixture
def made(tmp_path: Path) -> Config:
    return config(NOWHERE, state_dir=str(tmp_path / "state"))


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "picture.jpg"
    path.write_bytes(DATA)
    return str(path)


def run(made: Config, name: str, what: str, looks: Looks | None = None, **given: Any) -> int:
    given = {"note": "why", "similar": name == "deny", **given}
    return asyncio.run(change(made, name, what, looks=looks or Looks(Look(B, 100)), **given))


def listed(made: Config, name: str) -> Sequence[Entry]:
    return list(Book(lists_folder(made.settings.state_folder)).read(name).entries())


def test_deny_is_by_looks_too(made: Config, file: str, capsys: Captured) -> None:
    assert run(made, "deny", file) == 0
    assert listed(made, "deny") == [EXACT, PDQ]
    assert capsys.readouterr().out.splitlines() == [
        f"denied: this very file (SHA-256)  {EXACT.hash.hex()}",
        f"denied: pictures that look like it (PDQ)  pdq {B.hex()}",
        "A running filter takes it up within seconds.",
    ]
    assert run(made, "deny", file, note="another") == 0
    assert listed(made, "deny") == [EXACT, PDQ]
    said = capsys.readouterr().out
    assert said.count("denied already: ") == 2
    assert "within seconds" not in said


def test_allow_is_by_the_very_file_unless_asked_for_more(made: Config, file: str, capsys: Captured) -> None:
    looks = Looks(Look(B, 100))
    assert run(made, "allow", file, looks) == 0
    assert (listed(made, "allow"), looks.taken) == ([EXACT], [])
    assert "PDQ" not in capsys.readouterr().out
    assert run(made, "allow", file, looks, similar=True) == 0
    assert listed(made, "allow") == [EXACT, PDQ]
    assert "allowed already: this very file" in capsys.readouterr().out


def test_by_looks_all_pictures_of_a_file_are_allowed_or_none(made: Config, file: str, capsys: Captured) -> None:
    """For it passes by likeness only if each of its pictures is near to an allowed one."""
    poor = Looks(Look(B, 100), Look(A, 49))
    assert run(made, "allow", file, poor, similar=True) == 1
    assert "cannot be allowed by its looks: in 1 of its 2 pictures" in capsys.readouterr().err
    assert listed(made, "allow") == []
    assert run(made, "deny", file, poor) == 0
    assert listed(made, "deny") == [EXACT, PDQ]
    both = [EXACT, PDQ, Entry("pdq", A, "why")]
    assert run(made, "allow", file, Looks(Look(B, 100), Look(A, 50)), similar=True) == 0
    assert listed(made, "allow") == both
    assert run(made, "deny", file, Looks(Look(B, 100), Look(A, 50))) == 0
    assert listed(made, "deny") == both
    assert run(made, "allow", file, poor, remove=True) == 0  # which takes off what it finds
    assert listed(made, "allow") == [Entry("pdq", A, "why")]


def test_a_ref_is_not_allowed_by_its_looks(made: Config, capsys: Captured) -> None:
    assert run(made, "allow", "197ddfaf", look_up=lambda _ref: Row(), similar=True) == 1
    assert "give the file itself; or leave --similar away" in capsys.readouterr().err
    assert run(made, "allow", "197ddfaf", look_up=lambda _ref: Row()) == 0
    assert listed(made, "allow") == [Entry("sha256", A, "why")]
    assert run(made, "allow", "197ddfaf", look_up=lambda _ref: Row(), remove=True) == 0
    assert listed(made, "allow") == []


def test_a_pdq_hash_is_allowed_only_when_that_is_said(made: Config, capsys: Captured) -> None:
    assert run(made, "allow", f"pdq:{B.hex()}") == 1
    assert "allows every picture that looks like it: say so with --similar" in capsys.readouterr().err
    assert listed(made, "allow") == []
    assert run(made, "allow", f"pdq:{B.hex()}", similar=True) == 0
    assert listed(made, "allow") == [PDQ]


def test_a_ref_of_the_log(made: Config, capsys: Captured) -> None:
    def look_up(_ref: str) -> Logged:
        return Row(pdq=None)

    assert run(made, "deny", "197ddfaf", look_up=look_up) == 0
    assert listed(made, "deny") == [Entry("sha256", A, "why")]
    assert "Not by its looks: the log has no PDQ hash of it" in capsys.readouterr().out
    assert run(made, "deny", "197ddfaf") == 1
    assert "pictrs-filter: this filter keeps no log" in capsys.readouterr().err


@pytest.mark.parametrize("similar", [False, True])
def test_the_card_cannot_be_allowed(made: Config, tmp_path: Path, capsys: Captured, similar: bool) -> None:
    path = tmp_path / "card.png"
    path.write_bytes(card())
    for what in (str(path), CARD_SHA256):
        assert run(made, "allow", what, similar=similar) == 1
        assert "the self-test card cannot be allowed" in capsys.readouterr().err
    assert listed(made, "allow") == []


def test_what_is_on_both_lists_is_told(made: Config, file: str, capsys: Captured) -> None:
    run(made, "deny", file)
    capsys.readouterr()
    run(made, "allow", file)
    assert f"It is on `deny` too, which wins. To take it off: pictrs-filter deny {file} --remove" in (
        capsys.readouterr().out
    )
    run(made, "deny", file)
    assert "It is on `allow` too; `deny` wins." in capsys.readouterr().out
    run(made, "allow", A.hex())
    assert "too" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["allow", "deny"])
def test_remove_takes_off_whatever_there_is_of_it(made: Config, file: str, name: str, capsys: Captured) -> None:
    run(made, name, file, similar=True)
    run(made, name, A.hex())
    capsys.readouterr()
    assert run(made, name, file, remove=True) == 0
    assert listed(made, name) == [Entry("sha256", A, "why")]
    assert capsys.readouterr().out.count("any more: ") == 2
    assert run(made, name, file, remove=True) == 0
    assert f"is not on `{name}`: nothing is changed." in capsys.readouterr().out


def test_a_list_with_a_fault_is_told_with_its_line(made: Config, file: str, capsys: Captured) -> None:
    run(made, "deny", file)
    path = own_file(lists_folder(made.settings.state_folder), "deny")
    path.write_text("nonsense\n")
    for remove in (False, True):
        assert run(made, "deny", file, remove=remove) == 1
        assert f"pictrs-filter: {path}:1: must be 64 hex digits" in capsys.readouterr().err
    assert run(made, "deny", "no-such-file") == 1
    assert "no-such-file cannot be read: No such file" in capsys.readouterr().err


def test_the_real_looks_are_taken_by_default(made: Config, tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "text.txt"
    path.write_text("no picture")
    assert asyncio.run(change(made, "deny", str(path), similar=True)) == 0
    assert "its PDQ hash cannot be taken (it is of no format that is judged)" in capsys.readouterr().out
