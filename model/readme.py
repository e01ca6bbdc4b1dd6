"""Parts of the README that are made of the code, between two marks, so that the two cannot differ."""

from __future__ import annotations

from pathlib import Path
from typing import Final

README: Final = Path(__file__).parents[1] / "README.md"


def rewritten(readme: str, begin: str, end: str, part: str) -> str:
    """Return the text of the README with `part` between two marks. Raises ValueError unless each is there once."""
    if readme.count(begin) != 1 or readme.count(end) != 1 or readme.index(begin) > readme.index(end):
        raise ValueError(f"the README does not have the two marks {begin!r} and {end!r} once each, in this order")
    before, _, rest = readme.partition(begin)
    after = rest.partition(end)[2]
    return f"{before}{begin}\n\n{part}\n\n{end}{after}"
