"""The figures of a calibration as data."""

from __future__ import annotations

import json

import pytest

from addons.admin.calibrate.calibration import BINS, CalibrateError, Calibration, as_object, check, of_signals
from tests.addons.admin.calibrate.pictures import NOWHERE, scored, with_rules
from tests.running import config


def test_quantiles_and_bars() -> None:
    (signal,) = of_signals(config(NOWHERE), scored(*[0.011] * 98, 0.5, 1.0, parts=[0.25, 0.99]), 0.001)
    assert (signal.name, signal.source, signal.pictures) == ("nsfw", "nsfw of open-nsfw", 100)
    assert dict(signal.whole.quantiles) == {50: 0.011, 90: 0.011, 99: 0.5, 99.9: 1.0, 100: 1.0}
    assert {index: count for index, count in enumerate(signal.whole.bins) if count} == {0: 98, 25: 1, BINS - 1: 1}
    assert signal.in_part
    assert sum(signal.in_part.bins) == 2


def test_a_signal_that_no_picture_has_is_left_out() -> None:
    assert of_signals(config(NOWHERE), [], 0.001) == ()


def test_without_parts() -> None:
    (signal,) = of_signals(config(NOWHERE), scored(0.1), 0.001)
    assert signal.in_part is None


def test_a_policy_without_lower_bounds() -> None:
    rule = {"name": "r", "when": {"signal": "nsfw", "below": 0.1}, "action": "log"}
    with pytest.raises(CalibrateError, match=r"no rule of .*default\.yaml asks for at least a score: .*at_least"):
        check(with_rules(rule, mode="shadow"))
    check(config(NOWHERE))


def test_as_json() -> None:
    signals = of_signals(config(NOWHERE), scored(*[0.01] * 99, 0.9), 0.001)
    calibration = Calibration("2026-11-28T09:00:00+00:00", "f.yaml", "ab" * 32, "here", 101, {"duplicate": 1}, signals)
    found = json.loads(json.dumps(as_object(calibration)))
    assert (found["files"], found["skipped"], found["policy"]) == (101, {"duplicate": 1}, "ab" * 32)
    (signal,) = found["signals"]
    (own,) = [row for row in signal["thresholds"] if row["threshold"] == 0.85]
    assert own["rules"] == ["explicit (reject)"]
    assert own["in_part"] == pytest.approx(0.98125)
    assert own["refused"] == {
        "pictures": 1,
        "rate": 0.01,
        "low": pytest.approx(0.000253, abs=1e-6),
        "high": pytest.approx(0.0545, abs=1e-4),
        "wrong_for_each_right": pytest.approx(233.09, abs=0.01),
    }
    assert signal["whole"]["quantiles"]["99.9"] == 0.9
    assert (signal["in_part"], signal["proposal"]["shown"], signal["proposal"]["pictures_needed"]) == (None, None, 2995)
    assert signal["proposal"]["fits"]["threshold"] == 0.91
