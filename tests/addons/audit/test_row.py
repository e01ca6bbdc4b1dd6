"""What of a decision becomes a row, what is left out, and that nothing changes on its way."""

from __future__ import annotations

import math
from dataclasses import asdict, fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from addons.audit.reader import Reader
from addons.audit.row import COLUMNS, MAX_INTEGER, MAX_TEXT, Row, from_values, row_of, values
from addons.audit.store import Store
from addons.inspection import Decision
from config.audit import Audit, Hashes
from model.verdict import Verdict
from tests.addons.audit.rows import AT, CIRCUMSTANCES, PASS, REJECT, UNAVAILABLE, decision, row, verdict


def test_every_field_is_that_of_the_decision() -> None:
    assert asdict(row(7)) == {
        "id": 0,
        "at": AT,
        "ref": "00000007",
        "source": "fetch",
        "outcome": "pass",
        "strict": "pass",
        "rule": "grey",
        "cause": None,
        "type": "jpeg",
        "size": 31_000,
        "views": 13,
        "sampled": "32 of 900",
        "scores": {"nsfw": 0.25, "gore": 0.125},
        "in_part": {"nsfw": 0.5},
        "mode": "enforce",
        "backend": "a cpu",
        "ms": 212.7,
        "stage_ms": {"decode": 12.5, "classify": 200.1},
        "policy": "9f" * 32,
        "sha256": "5a" * 32,
        "pdq": "c3" * 32,
        "host": "origin.example",
        "note": "a note",
        "cached": True,
        "detail": "a codec said no",
        "pdq_quality": 97,
    }


def test_no_field_of_a_verdict_is_forgotten() -> None:
    """A new one needs a column, or a reason here: `mime` follows from `media`."""
    names = {"media": "type"}
    assert {names.get(each.name, each.name) for each in fields(Verdict)} - {"mime"} <= {*COLUMNS}
    assert {each.name for each in fields(Decision)} - {"verdict"} <= {*COLUMNS}


@pytest.mark.parametrize(
    ("hashes", "given", "kept"),
    [
        (Hashes.REFUSED, {}, False),
        (Hashes.REFUSED, {"outcome": REJECT, "strict": REJECT}, True),
        (Hashes.REFUSED, {"strict": REJECT}, True),  # shadow mode
        (Hashes.REFUSED, {"outcome": UNAVAILABLE, "strict": UNAVAILABLE, "cause": "deadline"}, True),
        (Hashes.REFUSED, {"strict": UNAVAILABLE, "cause": "decoder"}, True),  # passed unseen
        (Hashes.REFUSED, {"outcome": REJECT}, True),  # no such verdict is made
        (Hashes.ALL, {}, True),
        (Hashes.ALL, {"outcome": REJECT, "strict": REJECT}, True),
        (Hashes.NONE, {}, False),
        (Hashes.NONE, {"outcome": REJECT, "strict": REJECT}, False),
    ],
    ids=str,
)
def test_hashes_are_kept_as_the_operator_chose(hashes: Hashes, given: dict[str, Any], kept: bool) -> None:
    made = row(keep=Audit(hashes=hashes), **given)
    assert (made.sha256, made.pdq, made.pdq_quality) == (("5a" * 32, "c3" * 32, 97) if kept else (None, None, 0))


def test_the_remote_host_is_kept_by_choice_only() -> None:
    assert row(keep=Audit()).host is None
    assert row(keep=Audit(remote_host=True)).host == "origin.example"
    upload = replace(decision(), host="")
    assert row_of(upload, CIRCUMSTANCES, Audit(remote_host=True)).host is None


def test_texts_are_cut_and_made_writable() -> None:
    made = row(detail="x" * (MAX_TEXT + 1), note="y" * MAX_TEXT, rule="half \ud800", scores={"z\udfff" * 300: 1.0})
    assert (len(made.detail), made.detail[-2:]) == (MAX_TEXT, "x…")
    assert made.note == "y" * MAX_TEXT
    assert made.rule == "half ?"
    ((name, _),) = made.scores.items()
    assert len(name) == MAX_TEXT
    name.encode("utf-8")


def test_numbers_that_a_database_cannot_hold_become_others() -> None:
    made = row(size=10**30, views=-(10**30), scores={"a": math.nan, "b": math.inf}, stage_ms={"c": -math.inf})
    assert (made.size, made.views) == (MAX_INTEGER, -MAX_INTEGER)
    assert (made.scores, made.stage_ms) == ({"a": 0.0, "b": 0.0}, {"c": 0.0})


def test_too_few_values_are_no_row() -> None:
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        from_values(values(row())[:-1])


text = st.text(max_size=40)
number = st.floats(allow_nan=False, allow_infinity=False)
score = st.floats(0, 1)
outcome = st.sampled_from([PASS, REJECT, UNAVAILABLE])
decided = st.builds(
    Decision,
    text,
    st.sampled_from(["upload", "import", "fetch", "proxy", "hook"]),
    st.builds(
        verdict,
        outcome=outcome,
        strict=outcome,
        rule=st.none() | text,
        cause=st.none() | st.sampled_from(["undecodable", "deadline"]),
        sha256=text,
        size=st.integers(0, MAX_INTEGER),
        media=st.none() | text,
        scores=st.dictionaries(text, score, max_size=3),
        views=st.integers(0, MAX_INTEGER),
        sampled=text,
        in_part=st.dictionaries(text, score, max_size=3),
        detail=text,
        stage_ms=st.dictionaries(text, number, max_size=3),
        pdq=st.none() | text,
        pdq_quality=st.integers(0, 100),
        note=text,
        cached=st.booleans(),
    ),
    number,
    number,
    text,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(decided, st.builds(Audit, hashes=st.sampled_from(Hashes), remote_host=st.booleans()))))
def test_what_is_written_is_what_is_read(all_given: list[tuple[Decision, Audit]]) -> None:
    rows = [row_of(each, CIRCUMSTANCES, keep) for each, keep in all_given]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "log.db"
        store = Store(path)
        store.append(rows)
        store.close()
        found = Reader(path).rows(limit=1000)
    assert found == [replace(each, id=number) for number, each in enumerate(rows, 1)][::-1]
    assert all(isinstance(each, Row) and type(each.cached) is bool for each in found)
