"""What stands in the fenced blocks of a page for admins, so that tests run the very lines that people paste.

commands(DOCKER / "systemd" / "README.md", "2. The service")     the ```sh blocks under that heading
"""

from __future__ import annotations

import re
from pathlib import Path

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^##+ (.+)$", re.MULTILINE)


def section(page: Path, heading: str) -> str:
    """The text from a heading to the next. Raises AssertionError for one that is not there."""
    text = page.read_text("utf-8")
    parts = HEADING.split(text)
    found = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert heading in found, f"{page} has no heading {heading!r}, but {sorted(found)}"
    return found[heading]


def blocks(page: Path, heading: str, language: str) -> list[str]:
    """The fenced blocks of a language under a heading, in their order."""
    return [body for said, body in FENCE.findall(section(page, heading)) if said == language]


def commands(page: Path, heading: str) -> list[str]:
    """The ```sh blocks under a heading."""
    return blocks(page, heading, "sh")
