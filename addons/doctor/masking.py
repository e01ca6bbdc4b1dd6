"""Takes secrets out of what the doctor says: its output is meant to be pasted into a chat or an issue. Pure, but for
the two files that a configuration names.

What is masked: the name and password in an address, the value of whatever is called key, token, secret or password (as
a variable, a header or in a query), what a secret file of the configuration holds, and of the webhook's address all
behind the host, which with Discord and its like is the secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from addons.doctor.finding import Finding
from config.settings import Settings

MASK = "***"
SECRET_CHARACTERS = 6
"""A text that is shorter is no secret worth the name, and to mask each `a` would make the answer unreadable."""
MAX_SECRET_BYTES = 4096

_IN_ADDRESS = re.compile(r"(?<=://)[^\s/?#\"']+@")
_NAMED = re.compile(
    r"(?P<name>[\w.-]*(?:api[_-]?key|token|secret|passw(?:or)?d|credentials?)s?)(?P<sign>\"?\s*[=:]\s*)"
    r"(?P<value>\"[^\"]*\"|'[^']*'|[^\s,;&\"')]+)",
    re.IGNORECASE,
)


def masked(finding: Finding, secrets: tuple[str, ...] = ()) -> Finding:
    """The same finding, without secrets; `secrets` are texts that must not be shown wherever they stand."""
    what, why, cure = (mask(text, secrets) for text in (finding.what, finding.why, finding.cure))
    return replace(finding, what=what, why=why, cure=cure)


def mask(text: str, secrets: tuple[str, ...] = ()) -> str:
    """`text` with MASK in the place of each secret."""
    for secret in sorted(secrets, key=len, reverse=True):  # one may be a part of another
        text = text.replace(secret, MASK)
    text = _IN_ADDRESS.sub(f"{MASK}@", text)
    return _NAMED.sub(lambda found: f"{found['name']}{found['sign']}{MASK}", text)


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """The texts that this configuration would keep secret."""
    return tuple(text for text in _texts(settings) if len(text) >= SECRET_CHARACTERS)


def _texts(settings: Settings) -> Iterator[str]:
    for name in (settings.admin.token_file, settings.notify.secret_file):
        if name:
            yield _content(Path(name))
    if settings.notify.url:
        parts = urlsplit(settings.notify.url)
        yield settings.notify.url.partition(parts.netloc)[2].strip("/")


def _content(path: Path) -> str:
    """What a file holds, '' where it cannot be read: then nothing of it can be shown either."""
    try:
        with path.expanduser().open("rb") as file:
            return file.read(MAX_SECRET_BYTES).decode("utf-8", "replace").strip()
    except (OSError, RuntimeError):
        return ""
