"""The arithmetic of the table of recall: what became of each file -> a row's figures -> Markdown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from statistics import fmean

from model.verdict import Outcome, Verdict

HEAD = (
    "| what was done to it | stays refused | wrongly refused | not judged | views |",
    "|---|---:|---:|---:|---:|",
)


class Found(StrEnum):
    """What became of a file. What could not be judged is refused as well, but nobody saw what was in it."""

    REFUSED = "refused"
    PASSED = "passed"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True)
class Seen:
    """One file judged. `score` is the highest of its whole pictures, in 0..1; the times are milliseconds."""

    photo: str
    found: Found
    score: float
    views: int
    decode_ms: float
    classify_ms: float
    detail: str


@dataclass(frozen=True)
class Row:
    """One transformation of all photographs: `cats` are those with the forbidden class."""

    name: str
    group: str
    cats: Sequence[Seen]
    ordinary: Sequence[Seen]


@dataclass(frozen=True)
class Share:
    """`hits` of `of`."""

    hits: int
    of: int

    def __str__(self) -> str:
        return f"{100 * self.hits / self.of:.0f} % ({self.hits} of {self.of})" if self.of else "-"


def seen(photo: str, verdict: Verdict, signal: str) -> Seen:
    """What a verdict says of a photograph; `signal` is the policy's one signal."""
    if verdict.cause is not None:
        found = Found.NOT_JUDGED
    else:
        found = Found.REFUSED if verdict.outcome is Outcome.REJECT else Found.PASSED
    ms = verdict.stage_ms
    times = ms.get("decode", 0.0), ms.get("classify", 0.0)
    return Seen(photo, found, verdict.scores.get(signal, 0.0), verdict.views, *times, verdict.detail)


def recall(row: Row, plain: Row) -> Share:
    """Of the cats that are refused as in `plain`, those that are refused in `row` by what was seen of them."""
    return _refused(row.cats, {one.photo for one in plain.cats if one.found is Found.REFUSED})


def false_refusals(row: Row, plain: Row) -> Share:
    """Of the ordinary pictures that pass as in `plain`, those that are refused in `row` by what was seen of them.

    In the row `plain` itself: of all ordinary pictures.
    """
    if row is plain:
        return _refused(row.ordinary, {one.photo for one in plain.ordinary})
    return _refused(row.ordinary, {one.photo for one in plain.ordinary if one.found is Found.PASSED})


def together(rows: Iterable[Row], plain: Row) -> Share:
    """The recall of several rows as one, leaving `plain` itself out."""
    shares = [recall(row, plain) for row in rows if row is not plain]
    return Share(sum(share.hits for share in shares), sum(share.of for share in shares))


def markdown(rows: Sequence[Row]) -> str:
    """The table; the first row is the plain one that the others are measured against. Times are for the JSON alone."""
    return "\n".join([*HEAD, *_lines(rows)])


def _lines(rows: Sequence[Row]) -> Iterator[str]:
    plain = rows[0]
    for group, members in groupby(rows, lambda row: row.group):
        listed = list(members)
        yield f"| **{group}** | **{together(listed, plain)}** | | | |"
        for row in listed:
            yield _line(row, plain)


def _line(row: Row, plain: Row) -> str:
    files = [*row.cats, *row.ordinary]
    judged = [one for one in files if one.found is not Found.NOT_JUDGED]
    stays = f"{len(row.cats)} cats: {_refused(row.cats, {one.photo for one in row.cats})}" if row is plain else None
    figures = [
        stays or str(recall(row, plain)),
        str(false_refusals(row, plain)),
        str(len(files) - len(judged)),
        _mean([one.views for one in judged]),
    ]
    return f"| {row.name} | {' | '.join(figures)} |"


def _mean(values: Sequence[float]) -> str:
    return f"{fmean(values):.1f}" if values else "-"


def _refused(files: Iterable[Seen], photos: Collection[str]) -> Share:
    counted = [one for one in files if one.photo in photos]
    return Share(sum(one.found is Found.REFUSED for one in counted), len(counted))
