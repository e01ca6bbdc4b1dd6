"""Keys added to models in the text of a configuration; comments, order and everything else stay. Pure: bytes to bytes.

Rules this file keeps: nothing is rewritten, text is only put in: lines of their own below `timm:`, or a piece behind it
where the model stands on one line in braces. What comes out is read again, and is given back only if it says what the
old text said and the new keys, no more and no less. Whatever does not fit ends in a PinningError.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from config.document import Document, read
from config.problems import printable

_KEY = re.compile(r"( *)timm:[ \t]")


class PinningError(Exception):
    """The keys cannot be put in here; the message says what to write by hand."""


def with_keys(data: bytes, keys: Mapping[str, Mapping[str, str]]) -> bytes:
    """The configuration `data` with `keys` (model -> key -> value, digits and letters) added. Raises PinningError."""
    for model, added in keys.items():
        data = _with(data, model, added)
    return data


def _with(data: bytes, model: str, added: Mapping[str, str]) -> bytes:
    document = read(data)
    expected: dict[str, Any] = copy.deepcopy(document.values)
    models = expected.get("models")
    spec = models.get(model) if isinstance(models, dict) else None
    if isinstance(spec, dict) and document.complete and not document.findings and not added.keys() & spec.keys():
        spec.update(added)
        # quoted, for digits alone would be a number; a byte order mark stays where it is
        pairs = [f"{key}: '{value}'" for key, value in added.items()]
        for put in (_below, _behind):
            text = put(data.decode("utf-8"), document, model, pairs)
            result = text.encode("utf-8") if text is not None else None
            if result is not None and _says(result, expected):
                return result
    lines = "; ".join(f"{key}: '{value}'" for key, value in added.items())
    raise PinningError(
        f"models.{printable(model)}: its lines are written in a way that is not known here; add: {lines}"
    )


def _says(data: bytes, expected: Mapping[str, object]) -> bool:
    document = read(data)
    return document.complete and not document.findings and document.values == expected


def _below(text: str, document: Document, model: str, pairs: list[str]) -> str | None:
    """Lines of their own, below `timm:` and the comment that goes on below it."""
    lines = text.splitlines(keepends=True)
    at = document.lines["models", model, "timm"]
    key = _KEY.match(lines[at - 1])
    if key is None:
        return None
    while at < len(lines) and re.match(rf"{key[1]}[ \t]+#", lines[at]):
        at += 1
    before = lines[at - 1]
    end = before[len(before.rstrip("\r\n")) :] or "\n"
    lines[at - 1] = before.rstrip("\r\n") + end
    lines[at:at] = [f"{key[1]}{pair}{end}" for pair in pairs]
    return "".join(lines)


def _behind(text: str, document: Document, model: str, pairs: list[str]) -> str | None:
    """On the same line, behind `timm: NAME`, if that stands there once."""
    lines = text.splitlines(keepends=True)
    at = document.lines["models", model, "timm"] - 1
    models: Any = document.values["models"]
    name = re.escape(models[model]["timm"])
    found = list(re.finditer(rf"timm:[ \t]+(?:'{name}'|\"{name}\"|{name}(?=[ \t,}}\r\n]))", lines[at]))
    if len(found) != 1:
        return None
    here = found[0].end()
    lines[at] = ", ".join((lines[at][:here], *pairs)) + lines[at][here:]
    return "".join(lines)
