"""One file on its way through the judge: what is known of it so far, how long each stage took, and a verdict on it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from model.errors import Cause
from model.formats.media import MediaType
from model.verdict import Outcome, Verdict

UNKNOWN_MIME = "application/octet-stream"
"""The media type of what is no format that is known here."""


@dataclass
class InHand:
    """What is known of the file. `size` and `sha256` are of the bytes that are judged, and may go on.

    `pdq` and `pdq_quality` as in model.verdict.Verdict; `ms` has each stage's milliseconds.
    """

    sha256: str
    size: int
    media: MediaType | None
    sampled: str = ""
    pdq: str | None = None
    pdq_quality: int = 0
    ms: dict[str, float] = field(default_factory=dict)
    last: float = field(default_factory=time.monotonic)

    def lap(self, stage: str) -> None:
        """Note a stage's milliseconds."""
        now = time.monotonic()
        self.ms[stage] = round((now - self.last) * 1000, 1)
        self.last = now

    def verdict(
        self, outcome: Outcome, strict: Outcome, rule: str | None, cause: Cause | None = None, detail: str = ""
    ) -> Verdict:
        """A verdict on it."""
        name, mime = (self.media.name, self.media.mime) if self.media else (None, UNKNOWN_MIME)
        known = (self.sha256, self.size, name, mime)
        found = Verdict(outcome, strict, rule, cause, *known, sampled=self.sampled, detail=detail, stage_ms=self.ms)
        return replace(found, pdq=self.pdq, pdq_quality=self.pdq_quality)
