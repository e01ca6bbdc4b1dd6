"""Numbers of the page: against counting by hand."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from addons.page import drawing, figures
from config.load import load


def test_refusals_are_what_counting_gives() -> None:
    scores = [random.Random(7).random() for _ in range(500)] + [0.0, 0.29, 0.57, 0.58, 1.0]
    found = figures.refusals(Counter(int(score * 100 + 1e-9) for score in scores))
    assert found == [sum(score >= step / 100 for score in scores) for step in range(101)]
    assert (found[0], figures.refusals({})) == (len(scores), [0] * 101)


def test_histogram_has_every_score_once() -> None:
    found = figures.histogram({0: 1, 1: 1, 2: 1, 50: 1, 100: 1, 120: 1})
    assert len(found) == figures.BINS
    assert {index: count for index, count in enumerate(found) if count} == {0: 2, 1: 1, 25: 1, 49: 1}


def test_percentiles_are_values_that_were_there() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert [figures.percentile(values, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert figures.percentile([3.0], 0.99) == 3.0
    assert figures.percentile([], 0.5) is None


def test_minutes_without_a_verdict_are_there_too() -> None:
    assert figures.minutes([(120, 3, 1, 0), (0, 9, 9, 9)], until=185.5, count=3) == [
        (60, 0, 0, 0),
        (120, 3, 1, 0),
        (180, 0, 0, 0),
    ]


def test_thresholds_of_the_shipped_policy() -> None:
    found = figures.thresholds(load(None, {}).policy)
    assert [each.words for each in found["nsfw"]] == [
        "explicit: at least 0.85, reject",
        "borderline: at least 0.6, log",
        "borderline: below 0.85, log",
    ]


def test_thresholds_are_found_however_deep_they_stand() -> None:
    class Deep:
        signals = ("a", "b")

        def model_dump(self, **_: object) -> object:
            inner = {"any": [{"signal": "b", "above": 0.4}, {"none": [{"list": "x"}]}]}
            return {"rules": [{"name": "deep", "action": "log", "when": {"all": [{"signal": "a", "below": 1}, inner]}}]}

    found = figures.thresholds(Deep())  # type: ignore[arg-type]
    assert [each.words for each in found["a"] + found["b"]] == ["deep: below 1, log", "deep: above 0.4, log"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5", 0.5),
        ("0,25", 0.25),
        ("0.849", 0.85),
        ("1", 1.0),
        ("1.01", None),
        ("-0.1", None),
        ("nan", None),
        ("", None),
    ],
)
def test_threshold_of_a_form(text: str, value: float | None) -> None:
    assert figures.parse_threshold(text) == value


def test_bars_stand_on_the_axis_within_the_drawing() -> None:
    for logarithmic in (False, True):
        chart = drawing.chart([0, 1, 10, 0, 1000], logarithmic=logarithmic)
        assert (len(chart.bars), chart.most) == (3, 1000)
        assert all(round(bar.y + bar.height, 1) == chart.height and bar.y >= 0 for bar in chart.bars)
        assert all(bar.x >= 0 and bar.x + bar.width <= chart.width for bar in chart.bars)
        assert chart.bars[-1].height == chart.height
    assert drawing.chart([0, 0]).bars == ()
