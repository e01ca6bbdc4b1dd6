"""A list of hashes that a rule may name, as an operator writes it: a file of this machine, or an address to follow.

    lists:
      known: {file: /etc/pictrs-filter/shared.txt}
      theirs: {url: "https://example.org/list.txt", refresh_minutes: 60, bare: pdq}

The two lists that the administrator keeps with `pictrs-filter allow` and `deny` need no entry here.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from config.problems import wrong
from config.section import Section

MAX_URL_CHARACTERS = 2048
"""Length of an address: what every server takes."""

_URL = re.compile(r"https?://[^/?#@\s\\]+(?:[/?][^#\s\\]*)?", re.I)
_IP = re.compile(r"http://(?:[0-9.]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:[/?].*)?", re.I)


def _file(value: str) -> str:
    if not PurePosixPath(value).is_absolute() or "\0" in value:
        raise wrong("must be an absolute path", "for example: /etc/pictrs-filter/shared.txt")
    return value


def _url(value: str) -> str:
    if not _URL.fullmatch(value) or not value.isascii() or not value.isprintable():
        raise wrong("must be https://HOST/PATH, without user name, spaces and #", "for a file say `file: /its/path`")
    if value.lower().startswith("http:") and not _IP.fullmatch(value):
        # one with an IP address may still be asked, where fetch.allow_networks has it: a test's own server
        raise wrong("must begin with https://", "whoever stands in the way could change what http:// brings")
    return value


class ListSpec(Section):
    """One list: `file`, or `url` with how often it is asked for. Text, one hash a line (model/hashlist.py)."""

    file: Annotated[str, AfterValidator(_file)] | None = Field(
        None, description="absolute path; looked at every few seconds", examples=["/etc/pictrs-filter/shared.txt"]
    )
    url: Annotated[str, AfterValidator(_url), Field(max_length=MAX_URL_CHARACTERS)] | None = Field(
        None, description="https address; the last good copy is kept", examples=["https://example.org/list.txt"]
    )
    refresh_minutes: int = Field(60, ge=5, le=10_080, description="minutes after which a url is asked again")
    bare: Literal["sha256", "pdq"] = Field("sha256", description="what a hash without a word before it is")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.file is None) == (self.url is None):
            raise wrong("must have either `file: /PATH` or `url: https://...`")
        if self.url is None and "refresh_minutes" in self.model_fields_set:
            raise wrong("must not have refresh_minutes: a file is looked at all the time", "delete this line")
        return self
