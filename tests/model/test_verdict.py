"""A verdict knows whether a file passes without having been judged."""

from __future__ import annotations

import pytest

from model.errors import Cause
from model.verdict import Outcome, Verdict


@pytest.mark.parametrize(
    ("outcome", "cause", "unscanned"),
    [
        (Outcome.PASS, None, False),
        (Outcome.PASS, "decoder", True),
        (Outcome.REJECT, None, False),
        (Outcome.REJECT, "undecodable", False),
        (Outcome.UNAVAILABLE, "deadline", False),
    ],
)
def test_unscanned(outcome: Outcome, cause: Cause | None, unscanned: bool) -> None:
    assert Verdict(outcome, outcome, None, cause, "0" * 64, 1).unscanned is unscanned
