"""The settings of files: the defaults are pict-rs's and refuse, a file fits into a request, and words are as listed."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from config.media import MIB, Confinement, Decoder, Failure, Limits, Looking, OnFailure, OverBudget


def test_defaults_are_those_of_pict_rs_and_refuse() -> None:
    limits = Limits()
    assert set(dict(Failure()).values()) == {OnFailure.REFUSE}
    assert (limits.max_file_bytes, limits.max_request_bytes) == (40 * MIB, 64 * MIB)
    assert (limits.max_side_pixels, limits.max_area_pixels, limits.max_frames) == (10_000, 40_000_000, 900)
    assert (limits.max_video_side_pixels, limits.max_video_area_pixels) == (3840, 3840 * 2160)
    assert (limits.max_video_total_pixels, limits.max_video_seconds) == (850_000_000, 24 * 60 * 60)
    assert Looking().over_budget is OverBudget.REFUSE
    assert Decoder().confinement is Confinement.REQUIRED


def test_request_must_hold_the_largest_file() -> None:
    assert Limits(max_file_mib=64).max_request_mib == 64
    with pytest.raises(ValidationError, match=r"must be at least max_file_mib \(65\)"):
        Limits(max_file_mib=65)


@pytest.mark.parametrize("cause", Failure.model_fields)
@pytest.mark.parametrize("value", ["refuse", "pass"])
def test_failure_takes_two_words(cause: str, value: str) -> None:
    assert getattr(Failure.model_validate({cause: value}), cause) is OnFailure(value)
    for other in ("Pass", "", True, False, None):
        with pytest.raises(ValidationError):
            Failure.model_validate({cause: other})


def test_words_of_views_and_of_the_decoder() -> None:
    assert Looking.model_validate({"over_budget": "sample"}).over_budget is OverBudget.SAMPLE
    assert Decoder.model_validate({"confinement": "best_effort"}).confinement is Confinement.BEST_EFFORT
    for other in ("Sample", "none", "", True, None):
        with pytest.raises(ValidationError):
            Looking.model_validate({"over_budget": other})
        with pytest.raises(ValidationError):
            Decoder.model_validate({"confinement": other})
