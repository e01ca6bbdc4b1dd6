"""Scores out of the log of verdicts, in place of an administrator's own pictures, and what must be said about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from addons.admin.calibrate.calibration import CalibrateError
from addons.admin.calibrate.scores import Scored
from addons.audit.place import LOG_NAME
from addons.audit.reader import LogError, Reader
from config.settings import Settings

PAGE = 10_000
"""Rows that are asked for at once: some 10 MB."""

ANYBODY = (
    "the log has everybody's pictures, not only innocent ones: these are rates of refusals, right ones among them; "
    "look at what was refused before you raise a threshold because of them"
)
HASTY = (
    "of pictures that were refused while the mode was `enforce`, only what was looked at until then is known: their "
    "highest scores, and rates above the rule's threshold, may be too low. Shadow mode sees all"
)
CHANGED = (
    "the policy changed meanwhile: if a model or a signal did, its scores do not go together; ask for the time since, "
    "with --since"
)


class Row(Protocol):
    """What is needed of addons.audit.row.Row."""

    @property
    def id(self) -> int: ...  # noqa: D102
    @property
    def ref(self) -> str: ...  # noqa: D102
    @property
    def strict(self) -> str: ...  # noqa: D102
    @property
    def mode(self) -> str: ...  # noqa: D102
    @property
    def policy(self) -> str: ...  # noqa: D102
    @property
    def cached(self) -> bool: ...  # noqa: D102
    @property
    def cause(self) -> str | None: ...  # noqa: D102
    @property
    def scores(self) -> Mapping[str, float]: ...  # noqa: D102
    @property
    def in_part(self) -> Mapping[str, float]: ...  # noqa: D102


class Log(Protocol):
    """What is needed of addons.audit.reader.Reader."""

    def rows(self, *, since: float | None, before: int | None, limit: int) -> Sequence[Row]:
        """The newest rows since a moment (seconds since 1970) and before an id, newest first."""
        ...


@dataclass
class Logged:
    """The scores, how many rows there are, why some have none, and what must be said about it."""

    scored: list[Scored] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    notes: tuple[str, ...] = ()


def read(log: Log, since: float) -> Logged:
    """Everything since a moment (seconds since 1970). A verdict that was given from memory counts no second time."""
    found = Logged()
    policies: set[str] = set()
    hasty = False
    for row in _rows(log, since):
        found.rows += 1
        if row.cached:
            found.skipped["cached"] += 1
        elif row.cause is not None:
            found.skipped[row.cause] += 1
        elif not row.scores:
            found.skipped["settled"] += 1
        else:
            policies.add(row.policy)
            hasty |= row.mode == "enforce" and row.strict == "reject"
            found.scored.append(Scored(row.ref, row.scores, row.in_part))
    found.notes = (ANYBODY, *([HASTY] if hasty else []), *([CHANGED] if len(policies) > 1 else []))
    return found


def _rows(log: Log, since: float) -> Iterator[Row]:
    before = None
    while rows := log.rows(since=since, before=before, limit=PAGE):
        yield from rows
        before = rows[-1].id


class OfTheFilter:
    """The log of a filter with these settings. Raises CalibrateError when it cannot be read."""

    def __init__(self, settings: Settings) -> None:
        self._path = settings.state_folder.expanduser() / LOG_NAME

    def rows(self, *, since: float | None, before: int | None, limit: int) -> Sequence[Row]:
        """See Log."""
        try:
            return Reader(self._path).rows(since=since, before=before, limit=limit)
        except LogError as error:
            raise CalibrateError(str(error)) from error
