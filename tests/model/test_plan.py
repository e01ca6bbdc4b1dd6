"""The decoder's budget of views is the settings' own."""

from __future__ import annotations

from config.media import Looking, OverBudget
from model.plan import DEFAULT, Plan


def test_its_defaults_are_those_of_the_settings() -> None:
    settings = Looking()
    sample = settings.over_budget is OverBudget.SAMPLE
    assert Plan(settings.budget, settings.video_budget, sample, settings.tiles) == DEFAULT


def test_the_most_views_of_any_file() -> None:
    assert (Plan(5, 7).most, Plan(7, 5).most) == (7, 7)
