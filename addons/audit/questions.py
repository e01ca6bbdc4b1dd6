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
SCORES = """
SELECT signal, CAST(highest * 100 + 1e-9 AS INTEGER), count(*) FROM (
    SELECT s.key AS signal, max(s.value, coalesce(json_extract(v.in_part, '$."' || s.key || '"'), 0)) AS highest
    FROM verdicts v, json_each(v.scores) s WHERE v.at >= :since AND v.cause IS NULL
    UNION ALL
    SELECT p.key, p.value FROM verdicts v, json_each(v.in_part) p
    WHERE v.at >= :since AND v.cause IS NULL AND json_type(v.scores, '$."' || p.key || '"') IS NULL
) GROUP BY 1, 2
"""
"""(signal, hundredths of the highest score rounded down, files). The 1e-9 is for 0.29 * 100, which is 28.999... ."""


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
