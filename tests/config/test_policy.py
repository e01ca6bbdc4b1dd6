"""The policy's parts: names, models, bounds; and that a policy that exists fits together."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from config.condition import Condition
from config.names import MAX_NAME
from config.policy import Action, ModelSpec, PolicySpec, RuleSpec, SignalSpec

scores = st.floats(0, 1)
bounds = st.none() | scores


@given(at_least=bounds, above=bounds, at_most=bounds, below=bounds, score=scores)
def test_bound_holds_as_its_words_say(
    at_least: float | None, above: float | None, at_most: float | None, below: float | None, score: float
) -> None:
    try:
        bound = Condition(signal="s", at_least=at_least, above=above, at_most=at_most, below=below)
    except ValidationError:
        assume(False)
        raise
    expected = True
    if at_least is not None:
        expected = expected and not score < at_least
    if above is not None:
        expected = expected and not score <= above
    if at_most is not None:
        expected = expected and not score > at_most
    if below is not None:
        expected = expected and not score >= below
    assert bound.holds(score) is expected


@given(
    lower=st.sampled_from(["at_least", "above"]), upper=st.sampled_from(["at_most", "below"]), low=scores, high=scores
)
def test_bound_is_refused_exactly_when_no_score_is_within(lower: str, upper: str, low: float, high: float) -> None:
    """Numbers between two neighbouring floats do not count: the bounds themselves and a point between are tried."""
    tried = [low, high, (low + high) / 2]
    inclusive = lower == "at_least" and upper == "at_most"
    can_hold = low < high or (low == high and inclusive)
    if (lower == "above" and low == 1) or (upper == "below" and high == 0):
        can_hold = False
    try:
        bound = Condition.model_validate({"signal": "s", lower: low, upper: high})
    except ValidationError:
        assert not can_hold
    else:
        assert can_hold
        between = math.nextafter(low, 2) < high
        assert any(map(bound.holds, tried)) or not between


@pytest.mark.parametrize("bound", ["at_least", "above", "at_most", "below"])
def test_nan_is_within_no_bound(bound: str) -> None:
    assert not Condition.model_validate({"signal": "s", bound: 0.5}).holds(math.nan)


@pytest.mark.parametrize(("bound", "least", "most"), [("at_least", 0, 1), ("at_most", 0, 1), ("above", 0, 0.99)])
def test_threshold_at_its_limits_and_one_beyond(bound: str, least: float, most: float) -> None:
    for value in (least, most):
        assert Condition.model_validate({"signal": "s", bound: value})
    for wrong in (-1e-9, 1 + 1e-9, math.nan, math.inf, True, "0.5"):
        with pytest.raises(ValidationError):
            Condition.model_validate({"signal": "s", bound: wrong})


@pytest.mark.parametrize("name", ["a", "explicit", "too-many", "a_b-c1", "1", "x" * MAX_NAME])
def test_name(name: str) -> None:
    assert RuleSpec(name=name, when=Condition(signal=name, at_least=0.5), action=Action.LOG).name == name


@pytest.mark.parametrize("name", ["", "A", "a b", "-a", "a-", "a--b", "a.b", "ä", "a\n", "x" * (MAX_NAME + 1)])
def test_name_that_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        Condition(signal=name, at_least=0.5)


@pytest.mark.parametrize(
    "timm",
    [
        "open-nsfw",
        "resnet50",
        "resnet50.a1_in1k",
        "tf_efficientnet_lite0.in1k",
        "vit_base_patch32_clip_quickgelu_224.openai",
        "hf-hub:Marqo/nsfw-image-detection-384",
        "hf-hub:timm/resnet50.a1_in1k",
        "local-dir:/models/mine",
        "local-dir:/models/with space",
    ],
)
def test_model(timm: str) -> None:
    assert ModelSpec(timm=timm).timm == timm


@pytest.mark.parametrize(
    "timm",
    [
        "",
        "open_nsfw",
        "opennsfw",
        "ResNet50",
        "hf-hub",
        "hf-hub:",
        "hf-hub:name",
        "hf-hub:owner/name/more",
        "hf-hub:owner/name@main",
        "hf-hub:../..",
        "hf_hub:owner/name",
        "local-dir:",
        "local-dir:mine",
        "local-dir:~/mine",
        "local-dir:/a\0b",
        "local_dir:/mine",
        "https://example.org/model",
        "/models/mine",
        "resnet50\n",
    ],
)
def test_model_that_is_refused(timm: str) -> None:
    with pytest.raises(ValidationError):
        ModelSpec(timm=timm)


COMMIT = "0123456789abcdef" * 2 + "01234567"


@pytest.mark.parametrize("revision", [COMMIT[1:], COMMIT + "0", COMMIT.upper(), "main", ""])
def test_revision_is_a_commit(revision: str) -> None:
    assert ModelSpec(timm="hf-hub:a/b", revision=COMMIT).revision == COMMIT
    with pytest.raises(ValidationError):
        ModelSpec(timm="hf-hub:a/b", revision=revision)


def test_label_is_the_single_label_or_the_sum() -> None:
    assert SignalSpec(model="m", label="cat").label_names == ("cat",)
    assert SignalSpec(model="m", sum_labels=("cat", "dog")).label_names == ("cat", "dog")


def policy(**changes: Any) -> PolicySpec:
    plain: dict[str, Any] = {
        "models": {"m": {"timm": "open-nsfw"}},
        "signals": {"s": {"model": "m", "label": "nsfw"}},
        "rules": [{"name": "r", "when": {"signal": "s", "at_least": 0.5}, "action": "log"}],
    }
    return PolicySpec.model_validate(plain | changes)


def test_policy_made_in_code_must_fit_together_too() -> None:
    assert policy().rules[0].action is Action.LOG
    with pytest.raises(ValidationError, match=r"rules\[0\].when.signal must be one of the signals, not 'x'"):
        policy(rules=[{"name": "r", "when": {"signal": "x", "at_least": 0.5}, "action": "log"}])
    with pytest.raises(ValidationError, match=r"signals.s.label must be a label of the model 'm', not 'cat'"):
        policy(signals={"s": {"model": "m", "label": "cat"}})


def test_policy_never_changes() -> None:
    with pytest.raises(ValidationError):
        setattr(policy(), "rules", ())  # noqa: B010 -- mypy would not let it
