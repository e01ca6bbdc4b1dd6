"""The settings of notifications: whom to tell, of what, and how often. By the rules of section.py."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from config.problems import wrong
from config.section import Section

Event = Literal["rejected", "unscanned", "failed", "reload"]
"""rejected   a rule or a list refused a file (in shadow mode: would have)
unscanned  a file passed without a verdict, because `failure:` lets it
failed     a file was refused for a failure of the filter itself: decoder, classifier, deadline
reload     the policy was read anew, or could not be"""


def check_webhook(value: str) -> str:
    """Return `value` if it is empty, or an http or https address without a user name and without a fragment."""
    try:
        parts = urlsplit(value)
        plain = value.isascii() and value.isprintable() and " " not in value
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and plain
    except ValueError:
        good = False
    if value and (not good or parts.username is not None or "#" in value):
        hint = "no user name and no # in it; a token goes into the path or the query; '' for no notifications"
        raise wrong("must be an http or https address such as https://chat.example.org/hook", hint)
    return value


class Notify(Section):
    """A webhook of the administrator's own. It is told metadata, never a picture, a name, a hash or an address."""

    url: Annotated[str, AfterValidator(check_webhook)] = Field("", description="where to POST to; '' is off")
    events: tuple[Event, ...] = Field(
        ("rejected", "unscanned", "failed", "reload"), min_length=1, description="what is told", strict=False
    )
    min_seconds: float = Field(60.0, ge=1, le=86_400, description="at most one message in so many seconds")
    timeout_seconds: float = Field(5.0, gt=0, le=60, description="how long the receiver may take, in seconds")
    secret_file: str = Field("", description="a file with a secret that messages are signed with; '' for none")
