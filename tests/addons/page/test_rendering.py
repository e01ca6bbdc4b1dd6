"""Rows in words, and templates that escape."""

from __future__ import annotations

from typing import Any

import pytest
from jinja2 import UndefinedError

from addons.page.rendering import Rendering, highest, outcome_of, when
from tests.addons.page.desk import row


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({}, "pass"),
        ({"outcome": "reject", "strict": "reject"}, "reject"),
        ({"strict": "reject"}, "would-reject"),
        ({"cause": "decoder", "strict": "unavailable"}, "unscanned"),
        ({"outcome": "unavailable", "strict": "unavailable", "cause": "deadline"}, "unavailable"),
    ],
)
def test_outcomes(fields: dict[str, Any], outcome: str) -> None:
    assert outcome_of(row(1, **fields)) == outcome


def test_scores_the_highest_first_and_where_they_were() -> None:
    found = highest(row(1, scores={"a": 0.1, "b": 0.5}, in_part={"a": 0.9, "c": 0.5}))
    assert found == [("a", 0.9, True), ("b", 0.5, False), ("c", 0.5, True)]


def test_times_are_utc() -> None:
    assert when(1_700_000_000.9) == "2023-11-14 22:13:20Z"


def test_what_a_template_is_not_given_is_an_error_and_not_an_empty_place() -> None:
    with pytest.raises(UndefinedError):
        Rendering().response("refused.html")
