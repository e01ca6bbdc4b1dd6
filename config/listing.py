"""A list of hashes that others keep: a file that somebody else writes, or an address that is asked now and then."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from config.problems import wrong
from config.section import Section


def _file(value: str) -> str:
    if not PurePosixPath(value).is_absolute() or "\0" in value:
        raise wrong("must be an absolute path", "for example: /etc/pictrs-filter/shared.txt")
    return value


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or not value.isprintable() or " " in value or "@" in value.partition("://")[2].partition("/")[0]:
        raise wrong("must be an address of https://", "for example: https://example.org/list.txt")
    return value


class ListSpec(Section):
    """One list: `file`, a path, or `url`, whose last good copy is kept and renewed every `refresh_minutes`."""

    file: Annotated[str, AfterValidator(_file), Field(examples=["/etc/pictrs-filter/shared.txt"])] | None = None
    url: Annotated[str, AfterValidator(_url), Field(examples=["https://example.org/list.txt"])] | None = None
    refresh_minutes: Annotated[int, Field(ge=5, le=10_080)] = 60

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.file is None) == (self.url is None):
            raise wrong("must have either `file: /path` or `url: https://...`")
        return self
