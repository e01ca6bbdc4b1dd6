"""What does not fit together in a policy, and what is better left unsaid. The messages themselves are in bad/*.yaml."""

from __future__ import annotations

from typing import Any

import pytest

from config.consistency import OPEN_NSFW_LABELS, RESERVED_RULES, contradictions, rejects_nothing
from config.media import Failure


def policy(**changes: Any) -> dict[str, Any]:
    rule = {"name": "explicit", "when": {"signal": "nsfw", "at_least": 0.5}, "action": "reject"}
    fitting = {
        "models": {"nsfw": {"timm": "open-nsfw"}},
        "signals": {"nsfw": {"model": "nsfw", "label": "nsfw"}},
        "rules": [rule],
    }
    return fitting | changes


def places(**changes: Any) -> list[tuple[str | int, ...]]:
    return [finding.loc for finding in contradictions(policy(**changes))]


def test_policy_that_fits() -> None:
    assert places() == []


def test_names_that_the_program_uses_itself_are_reserved() -> None:
    """Verdicts without a rule are logged under the causes of failure, which are the keys of `failure:`."""
    assert set(RESERVED_RULES) == {"self-test-card", *Failure.model_fields}


def test_labels_of_the_embedded_model() -> None:
    for label in OPEN_NSFW_LABELS:
        assert places(signals={"nsfw": {"model": "nsfw", "label": label}}) == []
    assert places(signals={"nsfw": {"model": "nsfw", "label": "cat"}}) == [("signals", "nsfw", "label")]


def test_labels_of_another_model_are_not_known_here() -> None:
    assert places(models={"nsfw": {"timm": "resnet50"}}, signals={"nsfw": {"model": "nsfw", "label": "cat"}}) == []


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"models": 5}, id="models unreadable"),
        pytest.param({"models": {}}, id="no models"),
        pytest.param({"signals": {"nsfw": 5}}, id="a signal unreadable"),
        pytest.param({"signals": {"nsfw": {"model": 5}}}, id="the model of a signal unreadable"),
        pytest.param({"signals": []}, id="signals unreadable"),
        pytest.param({"rules": {}}, id="rules unreadable"),
        pytest.param({"rules": [5]}, id="a rule unreadable"),
        pytest.param({"rules": [{"name": "a", "when": "nsfw"}]}, id="a condition unreadable"),
        pytest.param({"rules": [{"name": ["a"], "when": {"signal": ["nsfw"]}}]}, id="names unreadable"),
        pytest.param({"models": {"nsfw": {"timm": 5, "labels": 5}}}, id="a model unreadable"),
    ],
)
def test_nothing_is_said_that_only_follows_from_what_cannot_be_read(changes: dict[str, Any]) -> None:
    assert places(**changes) == []


def test_misspelt_name_is_told_once() -> None:
    assert places(signals={"nsfw": {"model": "nfsw", "label": "nsfw"}}) == [("signals", "nsfw", "model")]


def test_name_that_looks_like_no_other_leaves_that_other_unused() -> None:
    found = places(signals={"nsfw": {"model": "cats", "label": "cat"}})
    assert found == [("signals", "nsfw", "model"), ("models", "nsfw")]


@pytest.mark.parametrize(
    ("actions", "nothing"),
    [
        (["log"], True),
        (["log", "log"], True),
        (["log", "reject"], False),
        (["log", "rejct"], False),
        (["log", None], False),
        ([], False),
    ],
)
def test_whether_nothing_would_be_refused(actions: list[object], nothing: bool) -> None:
    assert rejects_nothing({"rules": [{"action": action} for action in actions]}) is nothing


@pytest.mark.parametrize("data", [None, 5, "text", [], {}, {"rules": 5}])
def test_data_that_is_no_policy(data: object) -> None:
    assert list(contradictions(data)) == []
    assert not rejects_nothing(data)
