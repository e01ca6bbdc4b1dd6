"""One verdict of the log, as an administrator reads it: in a line, in full, or as JSON. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime

from addons.admin.files import printable
from addons.audit.row import Row


def as_json(row: Row) -> str:
    """All fields under their own names, on one line."""
    return json.dumps(asdict(row))


def in_one_line(row: Row) -> str:
    """When, ref, source, outcome, rule, type, scores."""
    scores = [f"{name}={score:.3f}" for name, score in row.scores.items()]
    scores += [f"{name}(part)={score:.3f}" for name, score in row.in_part.items()]
    rest = " ".join([row.type or "-", *scores, *(["cached"] if row.cached else [])])
    outcome = row.outcome if row.outcome == row.strict else f"{row.outcome} (would be {row.strict})"
    return printable(f"{_when(row.at)}  {row.ref}  {row.source:<6}  {outcome:<11}  {row.rule or '-':<16}  {rest}")


def in_full(row: Row) -> str:
    """Each field on a line of its own, and the commands that follow from it."""
    return "\n".join(f"{name:<12}{printable(text)}".rstrip() for name, text in _fields(row)) + f"\n\n{_commands(row)}"


def _fields(row: Row) -> Iterator[tuple[str, str]]:
    yield "ref", row.ref
    yield "time", _when(row.at)
    yield "source", row.source + (f", from {row.host}" if row.host else "")
    yield "outcome", _outcome(row)
    yield "rule", row.rule or "none fired"
    if row.detail:
        yield "why", row.detail
    if row.note:
        yield "list's note", row.note
    yield "file", f"{row.type or 'unknown format'}, {row.size} bytes"
    sampled = f", of {row.sampled} pictures in it" if row.sampled else ""
    yield "views", f"{row.views}{sampled}"
    for name, score in row.scores.items():
        yield "score", f"{name} {score:.4f}"
    for name, score in row.in_part.items():
        yield "score", f"{name} {score:.4f}, in a part"
    stages = ", ".join(f"{stage} {ms:g}" for stage, ms in row.stage_ms.items())
    yield "took", f"{row.ms:g} ms" + (f" ({stages})" if stages else "") + (", from memory" if row.cached else "")
    yield "judged by", f"mode {row.mode}, {row.backend}, policy {row.policy}"
    yield "SHA-256", row.sha256 or "not kept"
    yield "PDQ", f"{row.pdq}, quality {row.pdq_quality}" if row.pdq else "not kept, or there is none"


def _outcome(row: Row) -> str:
    if row.outcome == "pass" and row.cause is not None:
        return f"pass, without a verdict (failure.{row.cause})"
    if row.outcome != row.strict:
        return f"{row.outcome}, in shadow mode; else it would be {row.strict}"
    return row.outcome + (f", could not be judged (failure.{row.cause})" if row.cause else "")


def _commands(row: Row) -> str:
    if row.sha256 is None:
        return (
            "No hash of this file was kept (see `audit.hashes`). With the file at hand:\n"
            "  pictrs-filter allow FILE --note 'why'\n"
            "  pictrs-filter deny FILE --note 'why'"
        )
    return (
        "To let this very file pass from now on, or to refuse it:\n"
        f"  pictrs-filter allow {row.ref} --note 'why'\n"
        f"  pictrs-filter deny {row.ref} --note 'why'"
    )


def _when(at: float) -> str:
    """Local time, to the second, as `--since` takes it."""
    try:
        return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return f"@{at:g}"  # a clock that was beyond all years
