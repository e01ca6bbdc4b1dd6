"""The history's filters and pages, as its form sends them. What is no filter is told, and filters nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import get_args
from urllib.parse import urlencode

from addons.audit.questions import OUTCOMES, Outcomes
from addons.audit.reader import Reader
from addons.audit.row import Row
from addons.inspection import Source

PAGE = 50
"""Rows of one page."""
SOURCES: tuple[str, ...] = get_args(Source)
REF = re.compile(r"[0-9a-f]{8}")
_RULE = re.compile(r"[a-z0-9_-]{1,64}")
_ID = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True)
class Filter:
    """What is wanted; empty texts want nothing. `before` is the id of the last row of the page before."""

    rule: str = ""
    ref: str = ""
    source: str = ""
    outcome: str = ""
    before: str = ""

    def older(self, before: int) -> str:
        """The query of the next page."""
        given = {name: value for name, value in asdict(self).items() if value}
        return urlencode(given | {"before": str(before)})


@dataclass(frozen=True)
class Page:
    """Rows of the history, and the query of the page after them, if there is one."""

    rows: Sequence[Row]
    older: str = ""


def parse(query: Mapping[str, str]) -> tuple[Filter, str]:
    """The filter of a query, and what is wrong with it, in words."""
    rules = {"rule": _RULE, "ref": REF, "before": _ID}
    given = {name: query.get(name, "").strip() for name in ("rule", "ref", "source", "outcome", "before")}
    wrong = [name for name, rule in rules.items() if given[name] and not rule.fullmatch(given[name])]
    wrong += [
        name for name, known in (("source", SOURCES), ("outcome", OUTCOMES)) if given[name] and given[name] not in known
    ]
    said = f"Not a {' and not a '.join(wrong)} that the log could have: this filter is left out." if wrong else ""
    return Filter(**{name: "" if name in wrong else value for name, value in given.items()}), said


def page(log: Reader, wanted: Filter) -> Page:
    """The rows of one page. Raises LogError."""
    outcome: Outcomes | None = wanted.outcome or None  # type: ignore[assignment]  # `parse` has seen to it
    rows = log.rows(
        rule=wanted.rule or None,
        ref=wanted.ref or None,
        source=wanted.source or None,
        outcome=outcome,
        before=int(wanted.before) if wanted.before else None,
        limit=PAGE + 1,
    )
    more = len(rows) > PAGE
    rows = rows[:PAGE]
    return Page(rows, wanted.older(rows[-1].id) if more else "")
