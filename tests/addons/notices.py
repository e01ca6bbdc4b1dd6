"""Decisions to be told of, with everything in them that must not be."""

from __future__ import annotations

from typing import Any

from addons.inspection import Decision, Source
from model.verdict import Outcome, Verdict

SECRETS = ("5ec2e7" * 10 + "abcd", "9d9" * 21 + "f", "origin.example", "of a person", "codec words")
"""SHA-256, PDQ, host, note and detail of every decision here."""


def decision(
    outcome: Outcome = Outcome.REJECT,
    *,
    ref: str = "7f3a9c00",
    source: Source = "upload",
    at: float = 1000.5,
    rule: str | None = "explicit",
    **fields: Any,
) -> Decision:
    """A file that was refused by a rule, unless `fields` of the verdict say otherwise."""
    sha256, pdq, host, note, detail = SECRETS
    plain: dict[str, Any] = {
        "strict": outcome,
        "cause": None,
        "media": "jpeg",
        "scores": {"nsfw": 0.91234},
        "in_part": {"nsfw": 0.5},
        "pdq": pdq,
        "note": note,
        "detail": detail,
    }
    verdict = Verdict(outcome=outcome, rule=rule, sha256=sha256, size=1234, **(plain | fields))
    return Decision(ref, source, verdict, 12.0, at, host)


UNSCANNED = decision(Outcome.PASS, strict=Outcome.UNAVAILABLE, rule=None, cause="decoder", ref="00000001")
FAILED = decision(Outcome.UNAVAILABLE, rule=None, cause="deadline", ref="00000002")
SHADOWED = decision(Outcome.PASS, strict=Outcome.REJECT, ref="00000003")
BROKEN = decision(rule=None, cause="undecodable")
PASSED = decision(Outcome.PASS, rule=None)
LOGGED = decision(Outcome.PASS, rule="borderline")
