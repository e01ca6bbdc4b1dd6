"""Names that an operator gives to models, signals, lists and rules."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from config.problems import wrong

MAX_NAME = 64
"""Characters of a name. Names become labels of log lines and metrics, where they should stay readable."""

_NAME = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")


def _name(value: str) -> str:
    if not _NAME.fullmatch(value) or len(value) > MAX_NAME:
        raise wrong(
            f"must be a name of a-z, 0-9, - and _, up to {MAX_NAME} characters", "for example: explicit-drawing"
        )
    return value


Name = Annotated[str, AfterValidator(_name)]
