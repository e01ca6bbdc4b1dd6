"""default.yaml, the manual: what it says is what holds without it, and it says all there is."""

from __future__ import annotations

import re
from itertools import pairwise

import yaml
from pydantic import BaseModel

from config.condition import Condition
from config.load import DEFAULT, SECTIONS, load
from config.policy import Action, ModelSpec, PolicySpec, RuleSpec, SignalSpec
from config.settings import Settings


def test_is_loaded_when_nothing_is_named_and_equals_the_defaults() -> None:
    config = load(None, {})
    assert config.path == DEFAULT
    assert config.settings == Settings()


def test_has_the_default_policy() -> None:
    policy = load(None, {}).policy
    assert {name: model.timm for name, model in policy.models.items()} == {"nsfw": "open-nsfw"}
    assert {name: signal.label_names for name, signal in policy.signals.items()} == {"nsfw": ("nsfw",)}
    assert [(rule.name, rule.when.at_least, rule.when.below, rule.action) for rule in policy.rules] == [
        ("explicit", 0.85, None, Action.REJECT),
        ("borderline", 0.60, 0.85, Action.LOG),
    ]


def test_names_every_field_of_every_section_with_its_default() -> None:
    written = yaml.safe_load(DEFAULT.read_text())
    assert set(written) == set(Settings.model_fields) | set(PolicySpec.model_fields)
    compare(Settings(), {name: written[name] for name in Settings.model_fields})


def compare(section: BaseModel, written: dict[str, object]) -> None:
    assert set(written) == set(type(section).model_fields), type(section).__name__
    for name, value in section:
        if isinstance(value, BaseModel):
            inner = written[name]
            assert isinstance(inner, dict)
            compare(value, inner)
        else:
            assert written[name] == (list(value) if isinstance(value, tuple) else value), name


def test_explains_every_field() -> None:
    """Each setting, and each section of them, has a comment behind it or in the line above."""
    lines = DEFAULT.read_text().partition("\nmodels:")[0].splitlines()
    settings = [(above, line) for above, line in pairwise(lines) if re.match(r" *[a-z_]+:", line)]
    assert len(settings) == 11 + 11 + sum(len(section.model_fields) for section in SECTIONS.values())
    assert [line for above, line in settings if "  # " not in line and not above.startswith("# ")] == []


def test_names_every_word_of_the_policy_format() -> None:
    policy = DEFAULT.read_text().partition("# The policy:")[2]
    words = {name for model in (ModelSpec, SignalSpec, Condition, RuleSpec) for name in model.model_fields}
    assert [word for word in sorted(words | {*Action}) if not re.search(rf"\b{word}\b", policy)] == []


def test_is_short_and_promises_nothing() -> None:
    text = DEFAULT.read_text()
    assert len(text.splitlines()) <= 230
    assert "not a finding" in text
    assert max(map(len, text.splitlines())) <= 120
