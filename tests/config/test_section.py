"""Every section of the settings: numbers at their limit and one beyond, no other keys, and nothing that changes."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from config.media import Decoder, Failure, Limits, Looking
from config.settings import Cache, Callback, Fetch, Overload, Settings


def numbers() -> list[Any]:
    """Every number in the settings: its section, name and least and greatest value, from the field itself."""
    found: list[Any] = []
    for section in (Settings, Limits, Looking, Overload, Cache, Fetch, Decoder):
        for name, field in section.model_json_schema()["properties"].items():
            if field.get("type") in ("integer", "number"):
                low = field.get("minimum", field.get("exclusiveMinimum"))
                found.append(pytest.param(section, name, field, low, field["maximum"], id=f"{section.__name__}.{name}"))
    return found


# a limit that another one depends on is moved together with it
COMPANIONS = {"max_file_mib": {"max_request_mib": 4096}, "max_request_mib": {"max_file_mib": 1}}


@pytest.mark.parametrize(("section", "name", "field", "low", "high"), numbers())
def test_number_at_its_limits_and_one_beyond(
    section: type[BaseModel], name: str, field: dict[str, Any], low: float, high: float
) -> None:
    step = 1 if field["type"] == "integer" else 0.001
    least = low + step if "exclusiveMinimum" in field else low
    others = COMPANIONS.get(name, {})
    for value in (least, high):
        assert getattr(section.model_validate({**others, name: value}), name) == value
    for wrong in (least - step, high + step, True, str(high), None, float("nan"), float("inf")):
        with pytest.raises(ValidationError):
            section.model_validate({**others, name: wrong})


@pytest.mark.parametrize(("section", "name", "field", "low", "high"), numbers())
def test_whole_number_is_a_fraction_but_not_the_other_way(
    section: type[BaseModel], name: str, field: dict[str, Any], low: float, high: float
) -> None:
    if field["type"] == "number":
        assert type(getattr(section.model_validate({name: 1}), name)) is float
    else:
        with pytest.raises(ValidationError):
            section.model_validate({name: float(field["default"])})


@pytest.mark.parametrize("section", [Settings, Callback, Limits, Looking, Overload, Cache, Fetch, Decoder, Failure])
def test_unknown_key_is_refused_and_nothing_changes_afterwards(section: type[BaseModel]) -> None:
    with pytest.raises(ValidationError):
        section.model_validate({"nothing": 1})
    made = section()
    name = next(iter(section.model_fields))
    with pytest.raises(ValidationError):
        setattr(made, name, getattr(made, name))
