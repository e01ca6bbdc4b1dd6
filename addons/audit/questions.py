"""What is asked of the log, as SQL. Pure: texts and values, no file."""

from __future__ import annotations

from typing import Literal, get_args

Value = int | float | str | None
Outcomes = Literal["pass", "reject", "unavailable", "would-reject", "unscanned"]
"""The outcomes, and two that go across: passed although a rule rejects (shadow mode), passed without a verdict."""
OUTCOMES: tuple[str, ...] = get_args(Outcomes)

_CROSS = {
    "would-reject": "outcome = 'pass' AND strict = 'reject' AND cause IS NULL",
    "unscanned": "outcome = 'pass' AND cause IS NOT NULL",
}
_BOUNDS = {
    "since": "at >= ?",
    "until": "at < ?",
    "rule": "rule = ?",
    "ref": "ref = ?",
    "source": "source = ?",
    "before": "id < ?",
    "after": "id > ?",
}

MINUTES = """
SELECT CAST(at / 60 AS INTEGER) * 60,
       sum(cause IS NULL), sum(outcome <> 'pass'), sum(outcome = 'pass' AND cause IS NOT NULL)
FROM verdicts WHERE at >= ? GROUP BY 1 ORDER BY 1
"""
SCORES = "SELECT scores, in_part FROM verdicts WHERE at >= ? AND cause IS NULL ORDER BY id"


def where(*, outcome: str | None = None, **bounds: float | str | None) -> tuple[str, tuple[Value, ...]]:
    """(the WHERE clause, or nothing; its values). `bounds` are named as Reader.rows names them; None is no bound."""
    conditions = [_BOUNDS[name] for name, value in bounds.items() if value is not None]
    values: list[Value] = [value for value in bounds.values() if value is not None]
    if outcome in _CROSS:
        conditions.append(_CROSS[outcome])
    elif outcome is not None:
        conditions.append("outcome = ?")
        values.append(outcome)
    return (f" WHERE {' AND '.join(conditions)}" if conditions else ""), tuple(values)
