"""Configuration files in tests: write one, and see what is wrong with one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from config.load import load
from config.problems import ConfigError

POLICY = """\
models: {nsfw: {timm: open-nsfw}}
signals: {nsfw: {model: nsfw, label: nsfw}}
rules: [{name: explicit, when: {signal: nsfw, at_least: 0.85}, action: reject}]
"""

Write = Callable[[str | bytes], Path]


def problems(path: Path | None, env: dict[str, str] | None = None) -> list[str]:
    """What is wrong, a line each, without the file's name."""
    with pytest.raises(ConfigError) as raised:
        load(path, env or {})
    assert raised.value.problems, "an error that says nothing helps nobody"
    lines = str(raised.value).split("\n")
    return [line.removeprefix(str(path)).removeprefix(":").strip() for line in lines]
