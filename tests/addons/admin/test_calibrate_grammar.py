"""What `pictrs-filter calibrate` accepts."""

from __future__ import annotations

import pytest

from addons.admin.calibrate_grammar import number, rate, seconds
from addons.admin.cli import main

Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize(("text", "value"), [("0.1%", 0.001), ("1 %", 0.01), ("0.001", 0.001), (".5%", 0.005)])
def test_rates(text: str, value: float) -> None:
    assert rate(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "0", "0%", "1", "100%", "-1%", "a", "1e-3", "nan", "0.1%%"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(ValueError, match=r"such as 0\.1% or 0\.001"):
        rate(text)


@pytest.mark.parametrize(("text", "value"), [("12h", 43_200), ("30d", 2_592_000), ("4w", 2_419_200)])
def test_times(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "0d", "d", "5", "5m", "-5d", "999999d"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="such as 12h"):
        seconds(text)


@pytest.mark.parametrize("text", ["-1", "x", "100001", "9" * 5000])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match="whole number"):
        number(text)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name a folder of innocent pictures, or --from-log"),
        (["x", "--from-log"], "name folders or --from-log, not both"),
        (["x", "--since", "3d"], "--since goes with --from-log"),
        (["--from-log", "--fresh"], "--fresh goes with folders"),
    ],
)
def test_scores_come_from_one_place(capsys: Captured, arguments: list[str], said: str) -> None:
    assert main(["calibrate", *arguments]) == 2
    assert capsys.readouterr().err == f"pictrs-filter calibrate: {said}\n"


@pytest.mark.parametrize("arguments", [["x", "--resume"], ["x", "--target", "0"], ["x", "--show", "-1"]])
def test_a_command_line_that_is_wrong(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["calibrate", *arguments])
    assert ended.value.code == 2
