"""What the figures mean, in words: honest about few pictures."""

from __future__ import annotations

import pytest

from addons.admin.calibrate.calibration import of_signals
from addons.admin.calibrate.words import advice, percent
from tests.addons.admin.calibrate.pictures import NOWHERE, scored
from tests.running import config


def said(*wholes: float, target: float = 0.001) -> str:
    (signal,) = of_signals(config(NOWHERE), scored(*wholes), target)
    return " ".join(advice(signal))


def test_three_hundred_pictures_cannot_show_a_tenth_of_a_per_cent() -> None:
    text = said(*[0.01] * 300)
    assert text.startswith(
        "300 pictures cannot show 0.1 %: 2,995 without a single refusal are the fewest that can. Nothing is proposed"
    )
    assert "For 0.1 %: at_least" not in text
    assert "Of these, at_least: 0.05 (a part of a picture then needs 0.8812) refuses 0, which is 0 %, and" in text
    assert "with 95 % confidence the true rate is at most 0.994 %" in text


def test_enough_pictures() -> None:
    text = said(*[0.01] * 3000)
    assert "cannot show" not in text
    assert "With 95 % confidence the true rate is at most 0.0998 %." in text


def test_what_fits_and_what_is_certain_can_differ() -> None:
    text = said(*[0.01] * 5995, *[0.3] * 5, 0.7)
    assert "For 0.1 %: at_least: 0.05 " in text
    assert "To be 95 % sure of 0.1 %: at_least: 0.31 " in text
    assert "(refuses 1, which is 0.0167 %, at most 0.079 %)" in text


def test_not_certain_although_there_are_many() -> None:
    assert "No threshold is shown to keep to 0.1 % with 95 % confidence" in said(*[0.01] * 2997, *[1.0] * 3)


def test_no_threshold_at_all() -> None:
    assert "No threshold on nsfw keeps to 0.1 % of these pictures." in said(0.1, 1.0)


def test_the_base_rate_in_plain_words() -> None:
    text = said(*[0.01] * 99, 0.9, target=0.5)  # 1 % have 0.85
    assert "4.29 of 100,000 files were known ones where that was counted (IFTAS)." in text
    assert "for each right refusal there are about 233 wrong ones at the rate seen here, and 1,269 at the upper" in text


@pytest.mark.parametrize(
    ("rate", "text"),
    [(0, "0 %"), (0.000001, "0.0001 %"), (0.00123, "0.123 %"), (0.5, "50 %"), (0.99949, "99.9 %"), (1, "100 %")],
)
def test_per_cent(rate: float, text: str) -> None:
    assert percent(rate) == text
