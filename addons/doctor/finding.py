"""What the doctor found: what it is, why it matters, and the exact line that cures it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """How bad it is; the worst decides the exit code of the command."""

    OK = 0
    """Looked at, and sound."""
    NOTE = 1
    """Could not be looked at from here, or worth knowing; nothing to be done at once."""
    WARNING = 2
    """Works, but not as safely or as well as it should."""
    ERROR = 3
    """Pictures go round the filter, or are refused without need, or nothing works."""


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's answer. No secret is ever part of it: keys, tokens and URLs' passwords are masked."""

    check: str
    """The check's name, kebab-case, stable for scripts: `allow-local-connections`."""
    severity: Severity
    what: str
    """What was seen, in one sentence."""
    why: str = ""
    """Why that matters, in one sentence; empty where nothing is wrong."""
    cure: str = ""
    """The exact line to change, with the file or service it belongs to; empty where nothing is wrong."""
