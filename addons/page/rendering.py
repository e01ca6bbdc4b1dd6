"""Templates to answers: everything that is put into one is escaped, and nothing in them comes from elsewhere."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from addons.audit.questions import OUTCOMES
from addons.audit.row import Row
from addons.page import drawing, overview
from addons.page.history import SOURCES
from addons.page.week import DAYS

OUTCOME_WORDS = {
    "pass": "passed",
    "reject": "refused",
    "unavailable": "not judged, refused",
    "would-reject": "would be refused",
    "unscanned": "passed unscanned",
}


def outcome_of(row: Row) -> str:
    """The row's outcome as one of OUTCOMES."""
    if row.outcome == "pass" and row.cause is not None:
        return "unscanned"
    if row.outcome == "pass" and row.strict == "reject":
        return "would-reject"
    return row.outcome


def when(at: float) -> str:
    """A time for people and for machines, in UTC, to the second."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def highest(row: Row) -> list[tuple[str, float, bool]]:
    """(signal, highest score, whether in a part of the picture), the highest first."""
    found = []
    for name in row.scores.keys() | row.in_part.keys():
        whole, part = row.scores.get(name, 0.0), row.in_part.get(name, 0.0)
        found.append((name, max(whole, part), part > whole))
    return sorted(found, key=lambda each: (-each[1], each[0]))


class Rendering:
    """The templates of this package."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=PackageLoader("addons.page"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(when=when, highest=highest, outcome_of=outcome_of)
        self._environment.globals.update(
            OUTCOMES=OUTCOMES,
            OUTCOME_WORDS=OUTCOME_WORDS,
            SOURCES=SOURCES,
            DAYS=DAYS,
            MINUTES=overview.MINUTES,
            LEMMY_SECONDS=overview.LEMMY_SECONDS,
            WIDTH=drawing.WIDTH,
            now=time.time,
        )

    def response(self, template: str, status: int = 200, **values: object) -> Response:
        """A page."""
        return HTMLResponse(self._environment.get_template(template).render(**values), status)
