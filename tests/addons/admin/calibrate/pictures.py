"""Scores and policies for the tests of this room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from addons.admin.calibrate.scores import Scored
from config.load import Config, policy_hash
from config.policy import PolicySpec
from tests.running import config

NOWHERE = ("127.0.0.1", 9)


def scored(*wholes: float, parts: Sequence[float] = ()) -> list[Scored]:
    """A picture with each of these scores of `nsfw`; those of parts go to the first ones."""
    return [
        Scored(f"{index:064x}", {"nsfw": whole}, {"nsfw": parts[index]} if index < len(parts) else {})
        for index, whole in enumerate(wholes)
    ]


def with_rules(*rules: dict[str, Any], **settings: Any) -> Config:
    """The shipped configuration with other rules."""
    shipped = config(NOWHERE, **settings)
    plain = shipped.policy.model_dump(mode="json", exclude_none=True)
    policy = PolicySpec.model_validate(plain | {"rules": list(rules)})
    return replace(shipped, policy=policy, hash=policy_hash(policy))
