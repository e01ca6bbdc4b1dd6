"""A small picture in place of a refused one, for browsers: of JSON they make a broken icon, and nobody knows why.

Only the body and its media type differ from the refusal that it stands for; the status and `no-store` are the same
(browsers draw a picture that comes with a 400, seen with Chromium 156). It is the same for every refusal: no rule, no
score, no ref. Everyone who does not put pictures first (Lemmy's own requests, curl, scripts) gets JSON.
"""

from __future__ import annotations

import re
from functools import cache, cached_property
from importlib import resources
from typing import ClassVar

from addons.inbound import Inbound
from addons.pictrs.answers import Answer
from addons.pictrs.routes import Match

VIEWS = frozenset({"/image/original", "/image/process.{format}"})
"""Rows of the table (addons/pictrs/table.py) whose answer is a picture. A blurhash is text, details are JSON."""

_WEIGHT = re.compile(r"[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*")


@cache
def picture() -> bytes:
    """The shipped placeholder, a PNG file; model/placeholder.py draws it."""
    return resources.files("model").joinpath("placeholder.png").read_bytes()


class Placeholder(Answer):
    """A refusal as a picture."""

    media_type: ClassVar[bytes] = b"image/png"

    @cached_property
    def body(self) -> bytes:
        """The PNG file."""
        return picture()


def instead(refusal: Answer) -> Answer:
    """The same refusal as a picture. What is not a refusal but a failure (5xx) stays as it is: later it may pass."""
    return Placeholder(refusal.status, refusal.msg, refusal.code) if 400 <= refusal.status < 500 else refusal


def is_wanted(found: Match, inbound: Inbound) -> bool:
    """Whether this is a view (GET) of a proxied picture by someone who puts pictures first."""
    view = found.method == "GET" and found.proxy is not None and found.route.path in VIEWS
    return view and puts_pictures_first(inbound.all(b"accept"))


def puts_pictures_first(accept: list[bytes]) -> bool:
    """Whether the most wanted media range of the Accept fields, the first of equals, is one of pictures.

    So it is where a browser asks for an <img>: `image/avif,image/webp,...,*/*;q=0.8`. Where it opens an address as a
    page, text/html is first; scripts say `*/*` or nothing. What is no weight of RFC 9110 (12.4.2) makes no range.
    """
    best, first = 0.0, ""
    for entry in b",".join(accept).decode("latin-1").split(","):
        media_range, *parameters = entry.split(";")
        weight = _weight(parameters)
        if media_range.strip() and weight is not None and weight > best:
            best, first = weight, media_range.strip().lower()
    return first.startswith("image/")


def _weight(parameters: list[str]) -> float | None:
    for parameter in parameters:
        if parameter.strip().lower().startswith("q="):
            found = _WEIGHT.fullmatch(parameter)
            return float(found[1]) if found else None
    return 1.0
