"""What an origin names a version of a picture by (RFC 9110, 8.8), and how it is asked whether that version still holds.

Rule this file keeps: what is not in the grammar is not kept, so nothing that an origin sends is repeated but a short
string that can break no header.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

MAX_VALIDATOR_CHARACTERS: Final = 256
"""Length of an ETag or a date that is kept; common servers' ETags have 10 to 70."""

# entity-tag (RFC 9110, 8.8.3) without obs-text; weak ones are compared as well as strong ones (13.1.2)
_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')
# IMF-fixdate (RFC 9110, 5.6.7), the only form that a sender may generate
_DATE = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} "
    r"\d\d:\d\d:\d\d GMT",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Validators:
    """The ETag and Last-Modified of an answer, as they stand in it; None where it has none that is well-formed.

    Raises ValueError for values outside of the grammar.
    """

    etag: str | None = None
    last_modified: str | None = None

    def __post_init__(self) -> None:
        if self.etag is not None and not _fits(self.etag, _ETAG):
            raise ValueError("not an ETag")
        if self.last_modified is not None and not _fits(self.last_modified, _DATE):
            raise ValueError("not an HTTP date")

    @property
    def conditions(self) -> dict[str, str]:
        """The headers that ask for the picture only if it has changed; empty when nothing is known."""
        headers = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in headers.items() if value is not None}


def read(values: Callable[[str], Sequence[str]]) -> Validators:
    """Read an answer's validators; `values` gives every value of a header, and with several of one none is kept."""

    def only(name: str, grammar: re.Pattern[str]) -> str | None:
        found = values(name)
        return found[0] if len(found) == 1 and _fits(found[0], grammar) else None

    return Validators(only("ETag", _ETAG), only("Last-Modified", _DATE))


def _fits(value: str, grammar: re.Pattern[str]) -> bool:
    return len(value) <= MAX_VALIDATOR_CHARACTERS and grammar.fullmatch(value) is not None
