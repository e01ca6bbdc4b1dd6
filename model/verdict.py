"""What the judge says about one file, and what is done with it. A verdict is evidence for a log, not a finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from model.errors import Cause


class Outcome(StrEnum):
    """What happens to the file: it goes on to pict-rs, it is refused, or it is refused because nobody could tell."""

    PASS = "pass"  # noqa: S105 - not a password
    REJECT = "reject"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class Verdict:
    """The judge's word on one file.

    outcome    what is done. In shadow mode, or where the operator lets a failure pass, this is PASS although
    strict     says what would have been done otherwise
    rule       the rule (or list, or cause of failure) that decided; None when no rule fired
    cause      None when the file was judged, else why it was not
    sha256     hex SHA-256 of the first `size` bytes, which are those that were judged: no more of the file may go on
    media      name of the format, and `mime` its media type; None and application/octet-stream when not known
    scores     signal -> highest score over all views of whole pictures, each in 0..1
    views      number of views that were judged
    sampled    how many of the pictures in the file were looked at in full, as "32 of 900"; empty if all were
    in_part    as `scores`, over the views of parts of pictures; empty without them
    detail     why, in words for the log; may name a codec error, never a name or an address from the request
    stage_ms   stage -> milliseconds
    pdq        hex PDQ hash (64 digits) of the picture as a whole, and `pdq_quality` 0..100 how much it can be trusted;
               None where nothing was decoded. Of several pictures in a file that of the one that decided, or the first
    note       the note of the list entry that decided, as its author wrote it; else empty
    policy     hash of the policy that it was judged by, and `mode` the mode; empty where that is not known
    cached     whether it was given before, on the same bytes, and nothing was decoded or classified for it now
    """

    outcome: Outcome
    strict: Outcome
    rule: str | None
    cause: Cause | None
    sha256: str
    size: int
    media: str | None = None
    mime: str = "application/octet-stream"
    scores: Mapping[str, float] = field(default_factory=dict)
    views: int = 0
    sampled: str = ""
    in_part: Mapping[str, float] = field(default_factory=dict)
    detail: str = ""
    stage_ms: Mapping[str, float] = field(default_factory=dict)
    pdq: str | None = None
    pdq_quality: int = 0
    note: str = ""
    policy: str = ""
    mode: str = ""
    cached: bool = False

    @property
    def unscanned(self) -> bool:
        """Whether the file passes without having been judged, because the operator chose so."""
        return self.cause is not None and self.outcome is Outcome.PASS
