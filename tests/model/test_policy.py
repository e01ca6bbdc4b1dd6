"""From scores to a rule: sums of labels, bounds, views, severity, order."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from config.policy import Action, PolicySpec
from model.condition import Question
from model.policy import Fired, Rules, asked, highest
from model.policy import signals as signals_of

LABELS = {"net": ("sfw", "nsfw"), "pets": ("cat", "tabby", "dog")}


def policy(rules: list[dict[str, object]], **extra: dict[str, object]) -> PolicySpec:
    return PolicySpec.model_validate(
        {
            "models": {"net": {"timm": "open-nsfw"}, "pets": {"timm": "x", "labels": ["cat", "tabby", "dog"]}},
            "signals": {
                "nsfw": {"model": "net", "label": "nsfw"},
                "cats": {"model": "pets", "sum_labels": ["tabby", "cat"]},
                **extra,
            },
            "rules": [*rules, *(rule(name, "log", name, at_least=1.0) for name in ("cats", *extra))],
        }
    )


def rule(name: str, action: str = "reject", signal: str = "nsfw", /, **bounds: float) -> dict[str, object]:
    return {"name": name, "when": {"signal": signal, **bounds}, "action": action}


def scores(net: list[list[float]], pets: list[list[float]] | None = None) -> dict[str, NDArray[np.float32]]:
    return {
        "net": np.array(net, np.float32),
        "pets": np.array(pets or [[0.0, 0.0, 0.0]] * len(net), np.float32),
    }


def signals(
    of: PolicySpec, labels: dict[str, tuple[str, ...]], scores: dict[str, NDArray[np.float32]]
) -> list[dict[str, float]]:
    """Those of all models, view by view."""
    by_model = [signals_of(of, model, labels[model], array) for model, array in scores.items()]
    return [{name: score for one in view for name, score in one.items()} for view in zip(*by_model, strict=True)]


def evaluate(of: PolicySpec, views: list[dict[str, float]], parts: int = 0) -> Fired | None:
    return Rules(of).fired(views, parts)


def suspects(of: PolicySpec, parts: list[dict[str, float]]) -> list[int]:
    return Rules(of).suspects(parts)


PLAIN = policy([rule("explicit", at_least=0.85), rule("borderline", "log", at_least=0.6, below=0.85)])


def test_a_signal_is_a_label_by_name_or_a_sum_of_labels() -> None:
    (view,) = signals(PLAIN, LABELS, scores([[0.25, 0.75]], [[0.5, 0.25, 0.125]]))
    assert view == {"nsfw": 0.75, "cats": 0.75}


def test_a_sum_over_one_is_one() -> None:
    (view,) = signals(PLAIN, LABELS, scores([[0.0, 1.0]], [[0.7, 0.7, 0.0]]))
    assert view["cats"] == 1.0


@pytest.mark.parametrize(
    ("score", "fires"),
    [(0.0, None), (0.59, None), (0.6, "borderline"), (0.84, "borderline"), (0.85, "explicit"), (1.0, "explicit")],
)
def test_bounds(score: float, fires: str | None) -> None:
    found = evaluate(PLAIN, [{"nsfw": score, "cats": 0.0}])
    assert (found.rule if found else None) == fires


def test_any_view_is_enough_and_is_named() -> None:
    found = evaluate(PLAIN, [{"nsfw": score, "cats": 0.0} for score in (0.1, 0.7, 0.9, 0.95, 0.2)])
    assert found is not None
    assert (found.rule, found.action, found.view) == ("explicit", Action.REJECT, 2)
    assert found.why == "nsfw 0.900 is at least 0.85"


def test_the_most_severe_action_wins_over_order_and_order_over_the_rest() -> None:
    both = policy([rule("note", "log", at_least=0.5), rule("first", at_least=0.5), rule("second", at_least=0.5)])
    found = evaluate(both, [{"nsfw": 0.9, "cats": 0.0}])
    assert found is not None
    assert found.rule == "first"


def test_a_rule_is_tried_on_each_view_and_not_on_the_highest_score() -> None:
    only_middle = policy([rule("middle", at_least=0.4, below=0.6)])
    assert evaluate(only_middle, [{"nsfw": 0.5, "cats": 0.0}, {"nsfw": 0.9, "cats": 0.0}]) is not None


@pytest.mark.parametrize(
    ("bounds", "score", "fires"),
    [
        ({"at_least": 0.84}, 0.97, False),
        ({"at_least": 0.84}, 0.981, True),
        ({"above": 0.84}, 0.981, True),
        ({"at_least": 0.84, "in_part": 0.5}, 0.5, True),
        ({"at_least": 0.84, "in_part": 0.99}, 0.985, False),
        ({"at_most": 0.4}, 0.1, False),
        ({"at_most": 0.4}, 0.05, True),
        ({"below": 0.4, "in_part": 0.2}, 0.2, True),
        ({"at_least": 0.6, "below": 0.99}, 0.98, False),
    ],
)
def test_parts_of_a_picture_take_more(bounds: dict[str, float], score: float, fires: bool) -> None:
    neutral = (bounds.get("at_least", bounds.get("above", 0.0)) - 0.01) if "at_most" not in bounds else 0.9
    one = policy([rule("one", **bounds)])
    whole = {"nsfw": 0.9 if "below" in bounds and "at_least" not in bounds else max(neutral, 0.0), "cats": 0.0}
    found = evaluate(one, [whole, {"nsfw": score, "cats": 0.0}], parts=1)
    assert (found is not None) is fires
    if found is not None:
        assert (found.view, found.why) == (1, f"nsfw {score:.3f} in a part of it")
        assert evaluate(one, [{"nsfw": score, "cats": 0.0}, whole], parts=1) is not None


def near(*scores: float) -> list[dict[str, float]]:
    return [{"nsfw": score, "cats": 0.0} for score in scores]


def test_the_parts_that_come_nearest_to_a_rule_are_looked_at_more_closely() -> None:
    one = policy([rule("one", at_least=0.84)])  # 0.98 for a part
    assert suspects(one, near(0.01, 0.0391, 0.0393, 0.001, 0.02)) == [2, 1, 4]
    assert suspects(one, near(0.9, 0.99)) == [1, 0]
    assert suspects(one, near(0.0295, 0.02)) == [0, 1]
    assert suspects(one, near(0.0293, 0.02)) == []
    assert suspects(one, []) == []


def test_any_rule_makes_a_part_suspicious() -> None:
    both = policy([rule("one", at_least=0.84), rule("other", "log", in_part=0.1, at_least=0.5)])
    assert suspects(both, near(0.002, 0.0031)) == [1, 0]
    other = policy([rule("upside-down", at_most=0.8)])  # 0.1 for a part
    assert suspects(other, near(0.97, 0.96, 0.5)) == [2, 1, 0]
    assert suspects(other, near(0.98, 0.974)) == []


def test_a_rule_for_whole_pictures_makes_no_part_suspicious() -> None:
    assert suspects(policy([rule("middle", at_least=0.4, below=0.6)]), near(0.5)) == []


def test_highest() -> None:
    assert highest([{"a": 0.1, "b": 0.9}, {"a": 0.4, "b": 0.2}]) == {"a": 0.4, "b": 0.9}
    assert highest([{"a": 0.1, "b": 0.9}, {"a": 0.4}, {"c": 0.0}]) == {"a": 0.4, "b": 0.9, "c": 0.0}
    assert highest([]) == {}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_a_number_is_an_error(bad: float) -> None:
    with pytest.raises(ValueError, match="not a finite number"):
        signals(PLAIN, LABELS, scores([[0.5, bad]]))


@pytest.mark.parametrize(
    ("net", "pets", "message"),
    [
        ((1, 3), (1, 3), r"model net gave \(1, 3\)"),
        ((1,), (1, 3), r"model net gave \(1,\)"),
    ],
)
def test_shapes_that_do_not_fit_are_an_error(net: tuple[int, ...], pets: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        signals(PLAIN, LABELS, {"net": np.zeros(net, np.float32), "pets": np.zeros(pets, np.float32)})


def test_no_views_have_no_verdict() -> None:
    empty = {"net": np.zeros((0, 2), np.float32), "pets": np.zeros((0, 3), np.float32)}
    with pytest.raises(ValueError, match="no views"):
        evaluate(PLAIN, signals(PLAIN, LABELS, empty))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0, 1))
def test_a_single_threshold_is_a_comparison_with_the_highest_score(values: list[float], threshold: float) -> None:
    one = policy([rule("one", at_least=threshold)])
    found = evaluate(one, [{"nsfw": value, "cats": 0.0} for value in values])
    assert (found is not None) == (max(values) >= threshold)


def several(*rules: Mapping[str, object]) -> PolicySpec:
    """A policy of three models with a signal each, named a, b and c after their models."""
    names = ("a", "b", "c")
    return PolicySpec.model_validate(
        {
            "models": {name: {"timm": f"local-dir:/{name}"} for name in names},
            "signals": {name: {"model": name, "label": "yes"} for name in names},
            "lists": {"shared": {"file": "/shared.txt"}},
            "rules": [
                *rules,
                # so that every signal and list is used
                {
                    "name": "rest",
                    "when": {"all": [{"rule": "named"}, {"list": "shared", "within": 0}]},
                    "action": "log",
                },
            ],
        }
    )


def high(name: str, at_least: float = 0.5) -> dict[str, object]:
    return {"signal": name, "at_least": at_least}


NAMED: dict[str, object] = {"name": "named", "when": {"all": [high("a"), high("b"), high("c")]}}
BOTH: dict[str, object] = {"name": "both", "when": {"all": [high("a"), high("b")]}, "action": "reject"}
LISTED = {Question("shared", 31, every=False): "sha256"}


@pytest.mark.parametrize(
    ("known", "wanted"),
    [
        ([{}, {}], {"a": [0, 1], "b": [0, 1]}),
        ([{"a": 0.1}, {"a": 0.2}], {}),
        ([{"a": 0.1}, {"a": 0.6}], {"b": [1]}),
        ([{"a": 0.7}, {"a": 0.6}], {"b": [0, 1]}),
        ([{"a": 0.7, "b": 0.1}, {"a": 0.6}], {"b": [1]}),
        ([{"a": 0.7, "b": 0.9}, {"a": 0.6}], {}),
        ([{"a": 0.7, "b": 0.1}, {"a": 0.6, "b": 0.1}], {}),
    ],
)
def test_a_model_is_wanted_only_where_it_can_change_something(
    known: list[dict[str, float]], wanted: dict[str, list[int]]
) -> None:
    assert Rules(several(NAMED, BOTH)).wanted(known) == wanted


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        ("reject", "reject", {}),  # refused already
        ("log", "log", {}),  # would not be named
        ("log", "reject", {"b": [0]}),
    ],
)
def test_a_rule_behind_one_that_holds_is_of_interest_only_if_it_is_more_severe(
    first: str, second: str, wanted: dict[str, list[int]]
) -> None:
    rules = [{"name": "one", "when": high("a"), "action": first}, {"name": "two", "when": high("b"), "action": second}]
    assert Rules(several(NAMED, *rules)).wanted([{"a": 0.9}]) == wanted


def test_a_rule_before_one_that_holds_could_be_the_one_that_is_named() -> None:
    rules = [{"name": "one", "when": high("b"), "action": "log"}, {"name": "two", "when": high("a"), "action": "log"}]
    assert Rules(several(NAMED, *rules)).wanted([{"a": 0.9}]) == {"b": [0]}


def test_what_is_refused_already_needs_no_other_name() -> None:
    rules = [
        {"name": "one", "when": high("b"), "action": "reject"},
        {"name": "two", "when": high("a"), "action": "reject"},
    ]
    assert Rules(several(NAMED, *rules)).wanted([{"a": 0.9}]) == {}


def test_a_rule_in_shadow_mode_is_counted_and_refuses_nothing() -> None:
    shadow = {"name": "dry", "when": high("a"), "action": "reject", "shadow": True}
    real = {"name": "real", "when": high("b"), "action": "reject"}
    noted = {"name": "noted", "when": high("a", 0.1), "action": "log"}
    rules = Rules(several(NAMED, noted, shadow, real))
    found = rules.fired([{"a": 0.9, "b": 0.1, "c": 0.0}])
    assert found is not None
    assert (found.rule, found.shadow, found.rejects) == ("dry", True, False)
    found = rules.fired([{"a": 0.9, "b": 0.9, "c": 0.0}])
    assert found is not None
    assert (found.rule, found.rejects) == ("real", True)
    assert rules.wanted([{"a": 0.9}]) == {"b": [0]}, "a refusal is more than one in shadow mode"


def test_rules_for_some_sources_are_for_these_alone() -> None:
    here = {"name": "here", "when": high("a"), "action": "reject", "sources": ["proxy", "fetch"]}
    policy = several(NAMED, here)
    sure = [{"a": 0.9, "b": 0.0, "c": 0.0}]
    assert {origin: bool(Rules(policy, origin).fired(sure)) for origin in ("upload", "proxy", "fetch", "hook")} == {
        "upload": False,
        "proxy": True,
        "fetch": True,
        "hook": False,
    }
    assert Rules(policy).fired(sure) is not None, "without a source, all count"
    assert Rules(policy, "upload").wanted([{}]) == {}


def test_a_named_condition_does_nothing_by_itself_whatever_its_sources() -> None:
    named = {"name": "named", "when": {"any": [high("a"), high("b", 1.0), high("c", 1.0)]}, "sources": ["import"]}
    used = {"name": "used", "when": {"any": [{"rule": "named"}, high("b"), high("c")]}, "action": "reject"}
    assert Rules(several(named)).fired([{"a": 0.9, "b": 0.0, "c": 0.0}]) is None
    found = Rules(several(named, used), "upload").fired([{"a": 0.9, "b": 0.0, "c": 0.0}])
    assert found is not None
    assert (found.rule, found.why) == ("used", "a 0.900 is at least 0.5")


@pytest.mark.parametrize("within", [None, 10])
def test_allow_ends_it_and_what_stands_before_it_counts(within: int | None) -> None:
    near: dict[str, object] = {"list": "shared"} if within is None else {"list": "shared", "within": within}
    trusted = {"name": "trusted", "when": near, "action": "allow"}
    before = {"name": "before", "when": high("a"), "action": "reject"}
    noted = {"name": "noted", "when": high("a", 0.1), "action": "log"}
    behind = {"name": "behind", "when": high("b"), "action": "reject"}
    policy = several(NAMED, noted, before, trusted, behind)
    bad = [{"a": 0.9, "b": 0.9, "c": 0.0}]
    right = Question("shared", within, every=True)
    for found in ({right: "sha256"}, LISTED, {right._replace(every=False): "sha256"}, {}):
        rules = Rules(policy, found=found)
        fired = rules.fired([{"a": 0.2, "b": 0.9, "c": 0.0}])
        assert fired is not None
        allowed = right in found
        assert fired.rule == ("trusted" if allowed else "behind")
        assert fired.view == (None if allowed else 0)
        assert rules.wanted([{}]) == ({"a": [0]} if allowed else {"a": [0], "b": [0]})
        first = rules.fired(bad)
        assert first is not None
        assert first.rule == "before"


def test_every_list_that_rules_ask_about() -> None:
    trusted = {"name": "trusted", "when": {"list": "shared"}, "action": "allow", "sources": ["hook"]}
    rules = several(NAMED, trusted, {"name": "shared", "when": {"list": "shared"}, "action": "reject"})
    one = {Question("shared", 31, every=False), Question("shared", 0, every=False)}
    assert asked(rules, "hook") == one | {Question("shared", None, every=True)}
    assert asked(rules, "upload") == one


def test_the_highest_of_several_labels() -> None:
    of = policy([rule("one", at_least=0.5)], top={"model": "pets", "max_labels": ["cat", "dog"]})
    (view,) = signals_of(of, "pets", LABELS["pets"], np.array([[0.25, 0.5, 0.125]], np.float32))
    assert view == {"cats": 0.75, "top": 0.25}
