"""The settings of the internal port: metrics, health, and the status page for those who run the filter."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator

from config.addresses import check_listen, split_listen
from config.problems import wrong
from config.section import Section

OFF = "off"
"""What stands in place of an address where the port is not wanted."""
MAX_NAME = 253
"""Characters of a host name (RFC 1035, 2.3.4, as text)."""
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?")


def _listen(value: str) -> str:
    return value if value == OFF else check_listen(value)


def _host(value: str) -> str:
    if not _HOST.fullmatch(value) or len(value) > MAX_NAME:
        raise wrong("must be a host name in lower case, without a port", "for example: filter.example.org")
    return value


def _token_file(value: str) -> str:
    if value and (not value.startswith(("/", "~")) or "\0" in value):
        raise wrong("must be an absolute path", "for example: /run/secrets/pictrs-filter-token")
    return value


AdminListen = Annotated[str, AfterValidator(_listen), Field(examples=["127.0.0.1:8083"])]
Host = Annotated[str, AfterValidator(_host), Field(examples=["filter.example.org"])]
TokenFile = Annotated[str, AfterValidator(_token_file), Field(examples=["/run/secrets/pictrs-filter-token"])]


class Admin(Section):
    """The internal port, which nobody but those who run the filter should reach."""

    listen: AdminListen = Field("127.0.0.1:8083", description="ADDRESS:PORT to listen on, or off")
    token_file: TokenFile = Field("", description="file with the token that allows changes; empty: none are allowed")
    hosts: tuple[Host, ...] = Field(
        (), description="names under which browsers and Prometheus ask for it", strict=False
    )

    @field_validator("listen", mode="before")
    @classmethod
    def _reads_off(cls, value: object) -> object:
        return OFF if value is False else value  # YAML 1.1 reads `off` as false

    @property
    def address(self) -> tuple[str, int] | None:
        """(host, port) to listen on, port 0 lets the system choose; None when the port is off."""
        return None if self.listen == OFF else split_listen(self.listen)

    @property
    def token_path(self) -> Path | None:
        """The token's file, in which ~ stands for the user's home; None: there is none."""
        return Path(self.token_file) if self.token_file else None
