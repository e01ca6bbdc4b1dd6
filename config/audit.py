"""The settings of the log of verdicts: for how long it is kept, and what of a file it may hold."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from config.section import Section


class Hashes(StrEnum):
    """Of which files the SHA-256 and the PDQ hash are kept. `refused` is also what shadow mode lets pass."""

    REFUSED = "refused"
    ALL = "all"
    NONE = "none"


class Audit(Section):
    """The log of verdicts in `state_dir`. It never holds pictures, file names or headers."""

    keep_days: int = Field(90, ge=1, le=3650, description="days after which a verdict is deleted")
    keep_rows: int = Field(1_000_000, ge=0, le=100_000_000, description="verdicts kept, the newest; 0: no log")
    hashes: Hashes = Field(
        Hashes.REFUSED, description="files whose hashes are kept: refused, all or none", strict=False
    )
    remote_host: bool = Field(False, description="whether the host that a file was fetched from is kept")
