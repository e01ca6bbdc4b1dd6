"""From pydantic's errors to instructions: no field without words, none of pydantic's own."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from config.policy import PolicySpec
from config.settings import Settings
from config.translate import expected, parse

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


def schemas() -> list[Any]:
    """The JSON schema of every field of every section."""
    found = []
    for model in (Settings, PolicySpec):
        schema = model.model_json_schema()
        for section in [schema, *schema["$defs"].values()]:
            for name, field in section.get("properties", {}).items():
                found.append(pytest.param(schema, field, id=f"{section['title']}.{name}"))
    return found


@pytest.mark.parametrize(("schema", "field"), schemas())
def test_every_field_has_words(schema: dict[str, Any], field: dict[str, Any]) -> None:
    field = next((choice for choice in field.get("anyOf", []) if choice.get("type") != "null"), field)
    if "$ref" in field:
        field = schema["$defs"][field["$ref"].rpartition("/")[2]]
    words = expected(field)
    assert re.match(r"(a |text|one |lines |\w+(, \w+)* or \w+$)", words)
    assert "None" not in words


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 100}, "a whole number from 1 to 100"),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 60}, "a number above 0, up to 60"),
        ({"type": "string", "enum": ["a", "b"]}, "a or b"),
        ({"type": "string", "enum": ["a", "b", "c"]}, "a, b or c"),
        ({"type": "string", "maxLength": 9}, "text of 1 to 9 characters"),
        ({"type": "string", "examples": ["x"]}, "text such as x"),
        ({"type": "array"}, "a list"),
        ({"type": "array", "minItems": 1}, "a list of one or more"),
        ({"type": "object"}, "lines of `key: value`"),
        ({"type": "object", "minProperties": 1}, "one or more lines of `key: value`"),
    ],
)
def test_words(field: dict[str, Any], words: str) -> None:
    assert expected(field) == words


@settings(deadline=None)
@given(data=st.data(), value=values)
def test_no_value_anywhere_brings_out_words_of_pydantic(data: st.DataObject, value: object) -> None:
    model: type[BaseModel] = Settings if data.draw(st.booleans()) else PolicySpec
    fields = list(model.model_fields)
    plain: dict[str, object] = {data.draw(st.sampled_from(fields)): value}
    if data.draw(st.booleans()):
        plain = {
            "models": {"m": {"timm": "open-nsfw", "labels": value}},
            "signals": {"s": {"model": "m", "label": value, "sum_labels": value}},
            "rules": [{"name": value, "when": {"signal": "s", "at_least": value}, "action": value}, value],
        }
        model = PolicySpec
    made, findings = parse(model, plain)
    assert (made is None) == bool(findings)
    for finding in findings:
        assert not re.search("[Ii]nput|[Vv]alidation|[Tt]uple|dictionary|instance|None$", finding.message)
        assert finding.message.startswith(("must ", "is missing", "is not a key"))


def test_error_that_follows_from_another_is_left_out() -> None:
    """A list of which every item is wrong is, to pydantic, also too short."""
    _, findings = parse(PolicySpec, {"models": {}, "signals": {}, "rules": [5]})
    assert [finding.loc for finding in findings] == [("models",), ("signals",), ("rules", 0)]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("htps://discord.com/api/webhooks/1/hush", "'htps://discord.com/***'"),
        ("discord.com/api/webhooks/1/hush", "'discord.com/***'"),
        ("chat.example.org", "'chat.example.org'"),
    ],
)
def test_of_an_address_with_a_token_the_host_alone_is_shown(url: str, shown: str) -> None:
    (found,) = parse(Settings, {"notify": {"url": url}})[1]
    assert found.message.endswith(f", not {shown}")
