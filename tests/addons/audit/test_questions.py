"""From what is asked to SQL."""

from __future__ import annotations

from typing import Any

import pytest

from addons.audit.questions import OUTCOMES, where


@pytest.mark.parametrize(
    ("asked", "clause", "values"),
    [
        ({}, "", ()),
        ({"rule": None, "since": None}, "", ()),
        ({"since": 0.0}, " WHERE at >= ?", (0.0,)),
        ({"rule": "a", "before": 5, "outcome": "pass"}, " WHERE rule = ? AND id < ? AND outcome = ?", ("a", 5, "pass")),
        ({"outcome": "unscanned", "ref": "x"}, " WHERE ref = ? AND outcome = 'pass' AND cause IS NOT NULL", ("x",)),
    ],
    ids=str,
)
def test_what_is_asked(asked: dict[str, Any], clause: str, values: tuple[object, ...]) -> None:
    assert where(**asked) == (clause, values)


def test_all_outcomes_have_a_name() -> None:
    assert OUTCOMES == ("pass", "reject", "unavailable", "would-reject", "unscanned")
