"""One verdict as the log keeps it, and what is left out. Pure.

What a row never has: the picture, its name, anything of the request. Hashes and the remote host only as the operator
chose. Texts are cut, so that a row has a greatest size.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from addons.inspection import Decision
from config.audit import Audit, Hashes
from model.verdict import Outcome, Verdict

MAX_TEXT = 500
"""Characters of a text; the longest of ours (a codec's error) has about 200, a list's note may have any number."""
MAX_INTEGER = 2**63 - 1
"""SQLite's largest (sqlite.org/datatype3.html)."""


@dataclass(frozen=True)
class Circumstances:
    """What is the same for many verdicts: the mode, where the model runs, and the policy's hash (64 hex digits).

    Mode and policy are for verdicts that do not tell their own, which may be older than what is in force now.
    """

    mode: str
    backend: str
    policy: str


@dataclass(frozen=True)
class Row:
    """One verdict. Fields are those of inspection.Decision and verdict.Verdict, under the names of the table's columns.

    id         counts up in the order of writing, whatever the clock did; 0 before it is written
    at         seconds since 1970
    outcome    "pass", "reject" or "unavailable"; `strict` the same, had neither shadow mode nor `failure:` let it pass
    type       name of the format
    ms         milliseconds in all; `stage_ms` of each stage
    policy     hash of the policy, 64 hex digits
    sha256, pdq, host   None where they are not kept, or there is none
    """

    id: int
    at: float
    ref: str
    source: str
    outcome: str
    strict: str
    rule: str | None = None
    cause: str | None = None
    type: str | None = None
    size: int = 0
    views: int = 0
    sampled: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    in_part: Mapping[str, float] = field(default_factory=dict)
    mode: str = ""
    backend: str = ""
    ms: float = 0.0
    stage_ms: Mapping[str, float] = field(default_factory=dict)
    policy: str = ""
    sha256: str | None = None
    pdq: str | None = None
    host: str | None = None
    note: str = ""
    cached: bool = False
    detail: str = ""
    pdq_quality: int = 0


COLUMNS = tuple(each.name for each in fields(Row))
"""The table's columns, in the order of `values`."""
_OBJECTS = frozenset({"scores", "in_part", "stage_ms"})
Value = int | float | str | None


def row_of(decision: Decision, circumstances: Circumstances, keep: Audit) -> Row:
    """The row of a decision, with what `keep` allows."""
    verdict = decision.verdict
    hashes = _kept(verdict, keep.hashes)
    return Row(
        id=0,
        at=_number(decision.at),
        ref=_text(decision.ref),
        source=_text(decision.source),
        outcome=_text(verdict.outcome),
        strict=_text(verdict.strict),
        rule=_text_or_none(verdict.rule),
        cause=_text_or_none(verdict.cause),
        type=_text_or_none(verdict.media),
        size=_integer(verdict.size),
        views=_integer(verdict.views),
        sampled=_text(verdict.sampled),
        scores=_numbers(verdict.scores),
        in_part=_numbers(verdict.in_part),
        mode=_text(verdict.mode or circumstances.mode),
        backend=_text(circumstances.backend),
        ms=_number(decision.ms),
        stage_ms=_numbers(verdict.stage_ms),
        policy=_text(verdict.policy or circumstances.policy),
        sha256=_text_or_none(verdict.sha256) if hashes else None,
        pdq=_text_or_none(verdict.pdq) if hashes else None,
        host=_text_or_none(decision.host or None) if keep.remote_host else None,
        note=_text(verdict.note),
        cached=bool(verdict.cached),
        detail=_text(verdict.detail),
        pdq_quality=_integer(verdict.pdq_quality) if hashes else 0,
    )


def values(row: Row) -> tuple[Value, ...]:
    """A row as SQLite takes it, in the order of COLUMNS: mappings as JSON, a truth as 0 or 1."""
    return tuple(_plain(name, getattr(row, name)) for name in COLUMNS)


def from_values(found: tuple[Value, ...]) -> Row:
    """The row that `values` was made of. Raises ValueError on what is no JSON, also on too few values."""
    given: dict[str, Any] = {name: _rich(name, value) for name, value in zip(COLUMNS, found, strict=True)}
    return Row(**given)


def _plain(name: str, value: object) -> Value:
    if name in _OBJECTS:
        return json.dumps(value, separators=(",", ":"))
    return int(value) if isinstance(value, bool) else value  # type: ignore[return-value]


def _rich(name: str, value: Value) -> object:
    if name in _OBJECTS:
        return json.loads(str(value))
    return bool(value) if name == "cached" else value


def _kept(verdict: Verdict, choice: Hashes) -> bool:
    """Refused is what is refused, and what would have been: in shadow mode, or where `failure:` says pass."""
    refused = verdict.strict is not Outcome.PASS or verdict.outcome is not Outcome.PASS
    return choice is Hashes.ALL or (choice is Hashes.REFUSED and refused)


def _text(value: object) -> str:
    """Cut, and without half characters, which are no UTF-8."""
    text = str(value)
    text = text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"
    return text.encode("utf-8", "replace").decode("utf-8")


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)


def _integer(value: int) -> int:
    return max(-MAX_INTEGER, min(int(value), MAX_INTEGER))


def _number(value: float) -> float:
    """SQLite keeps no NaN, and JSON neither that nor an infinity."""
    number = float(value)
    return number if math.isfinite(number) else 0.0


def _numbers(mapping: Mapping[str, float]) -> dict[str, float]:
    return {_text(name): _number(value) for name, value in mapping.items()}
