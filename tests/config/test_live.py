"""What a running filter takes up, and what waits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from config.live import LIVE, taken_up
from config.load import Config, load
from config.settings import Settings


def config(**settings: Any) -> Config:
    loaded = load(env={})
    return replace(loaded, settings=Settings.model_validate(loaded.settings.model_dump() | settings))


def test_live_settings_are_settings() -> None:
    assert set(Settings.model_fields) > LIVE


@pytest.mark.parametrize(
    ("changed", "waiting"),
    [
        ({"mode": "shadow"}, []),
        ({"failure": {"deadline": "pass"}, "log_level": "debug"}, []),
        ({"listen": "127.0.0.1:9999"}, ["listen"]),
        ({"mode": "shadow", "deadline_seconds": 5, "limits": {"max_files": 2}}, ["deadline_seconds", "limits"]),
    ],
)
def test_what_cannot_be_taken_up_stays_and_is_named(changed: dict[str, Any], waiting: list[str]) -> None:
    running, new = config(), replace(config(**changed), hash="0" * 64)
    found, names = taken_up(running, new)
    assert names == waiting
    assert found.hash == "0" * 64
    for name in Settings.model_fields:
        source = running if name in waiting else new
        assert getattr(found.settings, name) == getattr(source.settings, name)
