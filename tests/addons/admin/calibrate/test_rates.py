"""What a threshold refuses, in the whole and in parts, and whose threshold it is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.admin.calibrate.rates import THRESHOLDS, Share, bound, hits, own_bounds, rates, signals_with_bounds
from config.policy import PolicySpec
from model.policy import Rules
from tests.addons.admin.calibrate.pictures import scored, with_rules

SHIPPED = [
    {"name": "explicit", "when": {"signal": "nsfw", "at_least": 0.85}, "action": "reject"},
    {"name": "borderline", "when": {"signal": "nsfw", "at_least": 0.6, "below": 0.85}, "action": "log"},
]


def test_parts_need_more() -> None:
    pictures = scored(0.85, 0.849, 0.1, 0.1, parts=[0.0, 0.0, 0.98125, 0.981])
    assert hits(bound("nsfw", 0.85), pictures) == 2
    (own,) = [rate for rate in rates(with_rules(*SHIPPED).policy, "nsfw", pictures) if rate.threshold == 0.85]
    assert own.in_part == pytest.approx(0.98125)
    assert (own.all_views, own.whole) == (Share(2, 4), Share(1, 4))
    assert own.rules == ("explicit (reject)",)


def test_a_rule_with_two_bounds_looks_at_no_parts() -> None:
    pictures = scored(0.6, 0.99, 0.1, parts=[0.0, 0.0, 1.0])
    of_60 = [rate for rate in rates(with_rules(*SHIPPED).policy, "nsfw", pictures) if rate.threshold == 0.6]
    assert [(rate.in_part, rate.all_views.hits, rate.rules) for rate in of_60] == [
        (None, 2, ("borderline (log)",)),
        (pytest.approx(0.95), 3, ()),
    ]


def test_an_own_bound_for_parts_and_a_strict_one() -> None:
    rule = {"name": "r", "when": {"signal": "nsfw", "above": 0.5, "in_part": 0.7}, "action": "reject"}
    pictures = scored(0.5, 0.51, 0.1, 0.1, parts=[0.0, 0.0, 0.7, 0.69])
    (own,) = [rate for rate in rates(with_rules(rule).policy, "nsfw", pictures) if rate.rules]
    assert (own.threshold, own.in_part, own.all_views.hits, own.whole.hits) == (0.5, 0.7, 2, 1)


def test_every_threshold_is_there_in_order() -> None:
    found = rates(with_rules(*SHIPPED).policy, "nsfw", scored(0.2))
    assert [rate.threshold for rate in found] == sorted([*THRESHOLDS, 0.6])


def test_bounds_within_other_conditions_count_but_not_those_of_none() -> None:
    high, higher, exempt = ({"signal": "nsfw", "at_least": value} for value in (0.55, 0.65, 0.75))
    rule = {"name": "r", "when": {"all": [{"any": [high, higher]}, {"none": [exempt]}]}, "action": "reject"}
    found = own_bounds(with_rules(rule, SHIPPED[0]).policy, "nsfw")
    assert sorted(condition.at_least or 0.0 for condition in found) == [0.55, 0.65, 0.85]


def test_a_policy_without_lower_bounds() -> None:
    rule = {"name": "r", "when": {"signal": "nsfw", "below": 0.1}, "action": "log"}
    assert signals_with_bounds(with_rules(rule, mode="shadow").policy) == []
    assert signals_with_bounds(with_rules(*SHIPPED).policy) == ["nsfw"]


SCORE = st.floats(0, 1)


@settings(deadline=None)
@given(st.lists(st.tuples(SCORE, SCORE), min_size=1, max_size=20), SCORE)
def test_as_the_policy_itself_decides(pictures: list[tuple[float, float]], threshold: float) -> None:
    """The filter's own rules, on a view of the whole and one of a part, refuse just what is counted."""
    rule = {"name": "r", "when": {"signal": "nsfw", "at_least": threshold}, "action": "reject"}
    policy: PolicySpec = with_rules(rule).policy
    refused = [Rules(policy).fired([{"nsfw": whole}, {"nsfw": part}], 1) is not None for whole, part in pictures]
    wholes, parts = zip(*pictures, strict=True)
    assert hits(bound("nsfw", threshold), scored(*wholes, parts=parts)) == sum(refused)


@settings(deadline=None)
@given(st.lists(SCORE, min_size=1, max_size=50))
def test_a_higher_threshold_never_refuses_more(wholes: list[float]) -> None:
    counts = [hits(bound("nsfw", threshold), scored(*wholes, parts=wholes)) for threshold in THRESHOLDS]
    assert counts == sorted(counts, reverse=True)
