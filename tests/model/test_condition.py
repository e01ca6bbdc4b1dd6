"""Conditions against an evaluator so plain that it cannot be wrong, and what is known of them before all is known."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.condition import MATCH_BITS, SIMILAR_BITS, Condition
from model.condition import Logic, Question, View, bits, bounds, questions

SIGNALS, LISTS, RULES = ("a", "b", "c"), ("x", "y"), ("first", "second")
STEPS = [0.0, 0.25, 0.5, 0.75, 1.0]

step = st.sampled_from(STEPS[1:-1])
signal = st.builds(
    lambda name, key, value: {"signal": name, key: value},
    st.sampled_from(SIGNALS),
    st.sampled_from(["at_least", "above", "at_most", "below"]),
    step,
)
between = st.builds(
    lambda name, low: {"signal": name, "at_least": low, "below": low + 0.25}, st.sampled_from(SIGNALS), step
)
listed = st.builds(
    lambda name, within: {"list": name} | ({} if within is None else {"within": within}),
    st.sampled_from(LISTS),
    st.none() | st.sampled_from([0, SIMILAR_BITS, SIMILAR_BITS + 1, MATCH_BITS]),
)
leaves = signal | between | listed


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    some = st.lists(inner, min_size=1, max_size=4)
    counted = some.flatmap(lambda of: st.integers(1, len(of)).map(lambda n: {"at_least_n": n, "of": of}))
    return st.sampled_from(["all", "any", "none"]).flatmap(lambda key: some.map(lambda of: {key: of})) | counted


unhurried = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""On a busy machine too."""

plain = st.recursive(leaves, nested, max_leaves=8)
named = st.fixed_dictionaries({"first": plain, "second": st.recursive(leaves | st.just({"rule": "first"}), nested)})
conditions = st.recursive(leaves | st.sampled_from(RULES).map(lambda name: {"rule": name}), nested, max_leaves=8)
scores = st.fixed_dictionaries({name: st.sampled_from([*STEPS, 0.01, 0.96, 0.99]) for name in SIGNALS})
matches = st.fixed_dictionaries({name: st.none() | st.integers(0, MATCH_BITS + 1) for name in LISTS})
"""For each list the distance at which a file is found on it; None: by its SHA-256."""


def naive(one: dict[str, Any], of: dict[str, Any], view: View, near: dict[str, int | None], passes: bool) -> bool:
    """Whether a condition holds, from its plain data, as the manual has it."""
    if "signal" in one:
        score, whole = view.signals[one["signal"]], not view.in_part or passes
        low = one.get("at_least", one.get("above"))
        high = one.get("at_most", one.get("below"))
        if whole:
            return not (
                ("at_least" in one and score < one["at_least"])
                or ("above" in one and score <= one["above"])
                or ("at_most" in one and score > one["at_most"])
                or ("below" in one and score >= one["below"])
            )
        if low is not None and high is not None:
            return False
        return bool(score >= 1 - (1 - low) / 8) if low is not None else bool(score <= (high or 0) / 8)
    if "list" in one:
        distance = near[one["list"]]
        if distance is None:
            return True
        if passes:
            return "within" in one and distance <= min(one["within"], 10)
        return bool(distance <= one.get("within", 31))
    if "rule" in one:
        return naive(of[one["rule"]], of, view, near, passes)
    if "none" in one:
        return not any(naive(inner, of, view, near, not passes) for inner in one["none"])
    inner = [naive(inner, of, view, near, passes) for key in ("all", "any", "of") for inner in one.get(key, ())]
    return all(inner) if "all" in one else sum(inner) >= one.get("at_least_n", 1)


def logic(
    one: dict[str, Any], of: dict[str, Any], near: dict[str, int | None], passes: bool
) -> tuple[Logic, Condition]:
    parsed = {name: Condition.model_validate(value) for name, value in of.items()}
    condition = Condition.model_validate(one)
    found = {
        asked: "found"
        for asked in questions([(condition, passes)], parsed)
        if near[asked.list] is None or (asked.bits is not None and (near[asked.list] or 0) <= asked.bits)
    }
    return Logic(parsed, found), condition


@unhurried
@given(conditions, named, scores, matches, st.tuples(st.booleans(), st.booleans()))
def test_as_the_manual_says(
    one: dict[str, Any],
    of: dict[str, Any],
    signals: dict[str, float],
    near: dict[str, int | None],
    flags: tuple[bool, bool],
) -> None:
    in_part, passes = flags
    view = View(signals, in_part)
    words, condition = logic(one, of, near, passes)
    assert words.holds(condition, view, lets_pass=passes) is naive(one, of, view, near, passes)
    assert list(words.missing(condition, view, lets_pass=passes)) == []


@unhurried
@given(conditions, named, scores, matches, st.sets(st.sampled_from(SIGNALS)), st.tuples(st.booleans(), st.booleans()))
def test_what_is_known_early_stays_true_and_what_is_missing_settles_it(
    one: dict[str, Any],
    of: dict[str, Any],
    signals: dict[str, float],
    near: dict[str, int | None],
    hidden: set[str],
    flags: tuple[bool, bool],
) -> None:
    in_part, passes = flags
    words, condition = logic(one, of, near, passes)
    known = View({name: score for name, score in signals.items() if name not in hidden}, in_part)
    early = words.holds(condition, known, lets_pass=passes)
    missing = set(words.missing(condition, known, lets_pass=passes))
    assert missing <= hidden
    assert (early is None) == bool(missing)
    for values in product(STEPS, repeat=len(hidden)) if early is not None else ():
        full = View({**known.signals, **dict(zip(sorted(hidden), values, strict=True))}, in_part)
        assert words.holds(condition, full, lets_pass=passes) is early
    settled = View(
        {name: score for name, score in signals.items() if name in known.signals or name in missing}, in_part
    )
    assert words.holds(condition, settled, lets_pass=passes) is not None


@unhurried
@given(conditions, named, scores, matches, st.booleans(), st.booleans())
def test_nearness_is_one_exactly_where_it_holds(
    one: dict[str, Any],
    of: dict[str, Any],
    signals: dict[str, float],
    near: dict[str, int | None],
    in_part: bool,
    passes: bool,
) -> None:
    words, condition = logic(one, of, near, passes)
    view = View(signals, in_part)
    found = words.near(condition, view, lets_pass=passes)
    assert 0 <= found <= 1
    assert (found == 1) is words.holds(condition, view, lets_pass=passes)


@pytest.mark.parametrize(
    ("condition", "known", "holds"),
    [
        ({"none": [{"signal": "a", "at_least": 0.5}]}, {}, None),
        ({"none": [{"signal": "a", "at_least": 0.5}, {"signal": "b", "at_least": 0.5}]}, {"a": 0.1}, None),
        ({"none": [{"signal": "a", "at_least": 0.5}, {"signal": "b", "at_least": 0.5}]}, {"a": 0.9}, False),
        ({"any": [{"signal": "a", "at_least": 0.5}, {"signal": "b", "at_least": 0.5}]}, {"a": 0.9}, True),
        ({"any": [{"signal": "a", "at_least": 0.5}, {"signal": "b", "at_least": 0.5}]}, {"a": 0.1}, None),
        ({"all": [{"signal": "a", "at_least": 0.5}, {"signal": "b", "at_least": 0.5}]}, {"a": 0.1}, False),
        ({"all": [{"signal": "a", "at_least": 0.5}, {"signal": "b", "at_least": 0.5}]}, {"a": 0.9}, None),
    ],
)
def test_what_is_not_known_yet(condition: dict[str, Any], known: dict[str, float], holds: bool | None) -> None:
    assert Logic({}).holds(Condition.model_validate(condition), View(known)) is holds


def test_what_is_not_known_may_be_near() -> None:
    both = Condition.model_validate({"all": [{"signal": "a", "at_least": 0.5}, {"signal": "b", "at_least": 0.5}]})
    near = Logic({}).near(both, View({"a": 0.15}, in_part=True))
    assert near == pytest.approx(0.15 / 0.9375), "as near as what is known"


@pytest.mark.parametrize(
    ("condition", "signals", "why"),
    [
        ({"signal": "a", "at_least": 0.5, "below": 0.9}, {"a": 0.6}, "a 0.600 is at least 0.5 and below 0.9"),
        ({"signal": "a", "at_least": 0.5}, {"a": 0.4}, "a 0.400 is not at least 0.5"),
        ({"signal": "a", "at_least": 0.5}, {}, "a was not scored"),
        ({"list": "x"}, {}, "on the list x (sha256)"),
        ({"list": "y"}, {}, "not on the list y"),
        ({"rule": "first"}, {"a": 0.6}, "a 0.600 is at least 0.5"),
        (
            {"all": [{"signal": "a", "at_least": 0.5}, {"list": "x"}]},
            {"a": 0.6},
            "a 0.600 is at least 0.5 and on the list x (sha256)",
        ),
        (
            {"any": [{"signal": "b", "at_least": 0.5}, {"signal": "a", "at_least": 0.5}, {"list": "x"}]},
            {"a": 0.6, "b": 0.1},
            "a 0.600 is at least 0.5",
        ),
        (
            {"any": [{"signal": "b", "at_least": 0.5}, {"list": "y"}]},
            {"b": 0.1},
            "b 0.100 is not at least 0.5 and not on the list y",
        ),
        (
            {"none": [{"signal": "b", "above": 0.5}, {"list": "y"}]},
            {"b": 0.1},
            "b 0.100 is not above 0.5 and not on the list y",
        ),
        ({"none": [{"signal": "b", "above": 0.5}, {"list": "y"}]}, {"b": 0.7}, "b 0.700 is above 0.5"),
        (
            {"at_least_n": 2, "of": [{"signal": "b", "at_most": 0.5}, {"list": "y"}, {"list": "x"}]},
            {"b": 0.1},
            "b 0.100 is at most 0.5 and on the list x (sha256)",
        ),
    ],
)
def test_words_for_the_log(condition: dict[str, Any], signals: dict[str, float], why: str) -> None:
    words = Logic({"first": Condition(signal="a", at_least=0.5)}, {Question("x", MATCH_BITS, every=False): "sha256"})
    assert words.why(Condition.model_validate(condition), View(signals)) == why


def test_a_part_is_told_as_one() -> None:
    condition = Condition(signal="a", at_least=0.5)
    assert Logic({}).why(condition, View({"a": 0.95}, in_part=True)) == "a 0.950 in a part of it"


def test_bounds_in_words() -> None:
    assert bounds(Condition(signal="a", above=0.5, at_most=0.75)) == "above 0.5 and at most 0.75"


@pytest.mark.parametrize(
    ("within", "refuses", "passes"), [(None, 31, None), (0, 0, 0), (10, 10, 10), (11, 11, 10), (31, 31, 10)]
)
def test_a_likeness_counts_for_less_where_it_lets_pass(within: int | None, refuses: int, passes: int | None) -> None:
    condition = Condition(list="x", within=within)
    assert bits(condition, lets_pass=False) == refuses
    assert bits(condition, lets_pass=True) == passes


def test_every_question_about_lists() -> None:
    of = {"first": Condition.model_validate({"any": [{"list": "x"}, {"none": [{"list": "y", "within": 5}]}]})}
    whole = Condition.model_validate({"all": [{"none": [{"rule": "first"}]}, {"list": "y"}]})
    assert questions([(whole, False)], of) == {
        Question("x", None, every=True),
        Question("y", 5, every=False),
        Question("y", MATCH_BITS, every=False),
    }
