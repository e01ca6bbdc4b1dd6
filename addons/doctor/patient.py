"""Whom the doctor looks at: a configuration that loads, and what was said on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from config.load import Config


@dataclass(frozen=True)
class Patient:
    """What every check is given. It is only looked at: a check changes nothing, here or elsewhere.

    `outside` is the address that shows whether pict-rs has a way out ('' leaves that out); `quick` leaves out whatever
    loads a model or uploads a picture; `compose` is what `docker compose config --format json` says, or None.
    """

    config: Config
    outside: str = ""
    quick: bool = False
    compose: dict[str, Any] | None = None
