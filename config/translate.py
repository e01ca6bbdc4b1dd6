"""From pydantic's errors to instructions: what must be there, in an operator's words, and what was found instead.

Rules this file keeps: the words come from the fields themselves (their JSON schema: type, bounds, choices, examples),
so a new setting needs none of its own here. One mistake gives one finding: an error that only follows from another is
left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from config.problems import UNKNOWN_KEY, Finding, Loc, did_you_mean, printable

M = TypeVar("M", bound=BaseModel)
Schema = dict[str, Any]

_NO_TEXT: Mapping[Loc, str] = {}


WITH_SECRETS = ("notify", "lists")
"""Sections whose `url:` may have a token behind the host: with Discord's webhooks that is the whole secret."""
_BEHIND_THE_HOST = re.compile(r"(?<![:/])/(?!/).*'", re.DOTALL)


def parse(model: type[M], data: object, written: Mapping[Loc, str] = _NO_TEXT) -> tuple[M | None, list[Finding]]:
    """Turn plain data into `model`: the model and no findings, or None and everything that is wrong with it.

    `written` has the text, as the file has it, of values that YAML took for something other than text.
    """
    try:
        return model.model_validate(data), []
    except ValidationError as failure:
        errors = failure.errors(include_url=False)
    schema = _schema(model)
    found = [_finding(schema, error, written) for error in errors]
    inner = {finding.loc[:end] for finding in found for end in range(len(finding.loc))}
    return None, [finding for finding in found if finding.loc not in inner]


def _finding(schema: Schema, error: ErrorDetails, written: Mapping[Loc, str]) -> Finding:
    loc = tuple(step for step in error["loc"] if step != "[key]")
    kind, value = error["type"], error["input"]
    if kind == "extra_forbidden":
        return Finding(loc, UNKNOWN_KEY, did_you_mean(str(loc[-1]), _keys(schema, loc[:-1])))
    node = _at(schema, loc)
    if kind == "missing":
        return Finding(loc, "is missing", f"must be {expected(node)}")
    hint = ""
    if kind == "wrong":
        message, hint = error["ctx"]["message"], error["ctx"]["hint"]
        if isinstance(value, (dict, list, tuple, BaseModel)):
            return Finding(loc, message, hint)
    else:
        message = f"must be {expected(node)}"
        hint = _hint(node, value, written.get(loc))
    shown = _shown(value, written.get(loc))
    if loc[-1:] == ("url",) and loc[0] in WITH_SECRETS:
        shown = _BEHIND_THE_HOST.sub("/***'", shown)
    return Finding(loc, f"{message}, not {shown}", hint)


def expected(node: Schema) -> str:
    """What a field takes, in words, from its JSON schema: `a whole number from 1 to 100`."""
    if "enum" in node:
        *others, last = node["enum"]
        return f"{', '.join(others)} or {last}"
    examples = "".join(f" such as {example}" for example in node.get("examples", [])[:1])
    kind = node.get("type")
    if kind == "integer":
        return f"a whole number{_bounds(node)}"
    if kind == "number":
        return f"a number{_bounds(node)}"
    if kind == "array":
        return f"a list of one or more{examples}" if node.get("minItems") else f"a list{examples}"
    if kind == "object":
        return f"{'one or more ' if node.get('minProperties') else ''}lines of `key: value`"
    most = node.get("maxLength")
    return f"text of 1 to {most} characters{examples}" if most else f"text{examples}"


def _bounds(node: Schema) -> str:
    low, high, above = node.get("minimum"), node.get("maximum"), node.get("exclusiveMinimum")
    if above is not None:
        return f" above {above}, up to {high}"
    return f" from {low} to {high}"


def _hint(node: Schema, value: object, text: str | None) -> str:
    kind = node.get("type")
    if kind in ("integer", "number") and isinstance(value, str):
        number = _plain_number(value)
        if number:
            return f"write {number}, without quotes"
        return "write the bare number: the unit is in the name" if value[:1].isdigit() else ""
    if node.get("maximum") == 1 and isinstance(value, (int, float)) and 10 <= value <= 100:
        return f"{value:g} per cent is {value / 100:g}"
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        return f"write {value:.0f}"
    if kind == "string" and text is not None and not ({"enum", "examples"} & node.keys()):
        taken_for = str(value).lower() if isinstance(value, bool) else "a number"
        return f"YAML takes {printable(text)} for {taken_for}: put it in quotes, '{printable(text)}'"
    return ""


def _plain_number(text: str) -> str:
    """`text` as YAML reads a number, or nothing: to YAML 1.1, 1e-1 is text; to everyone, 0,85 and 85% are."""
    try:
        number = float(text.replace(",", ".").removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        return ""
    return f"{number:.10g}" if abs(number) < 1e9 else ""


def _shown(value: object, text: str | None) -> str:
    if isinstance(value, dict):
        return "lines of `key: value`" if value else "an empty mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if value is None:
        return "nothing"
    if text is None and isinstance(value, str):
        return f"'{printable(value)}'"
    return printable(text if text is not None else str(value))


@lru_cache
def _schema(model: type[BaseModel]) -> Schema:
    return model.model_json_schema()


def _at(schema: Schema, loc: Loc) -> Schema:
    """The schema of the field at `loc`, without references and without "or nothing"."""
    node = _resolved(schema, schema)
    for step in loc:
        if isinstance(step, int):
            node = node.get("items") or {}
        else:
            node = node.get("properties", {}).get(step) or node.get("additionalProperties") or {}
        node = _resolved(schema, node)
    return node


def _resolved(schema: Schema, node: Schema) -> Schema:
    if "anyOf" in node:
        node = next(choice for choice in node["anyOf"] if choice.get("type") != "null")
    if "$ref" in node:
        return dict(schema["$defs"][node["$ref"].removeprefix("#/$defs/")])
    return node


def _keys(schema: Schema, loc: Loc) -> list[str]:
    return list(_at(schema, loc).get("properties", {}))
