"""What may be typed after `pictrs-filter log`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from addons.admin.grammar import parser
from addons.admin.log_grammar import MOST_ROWS, ROWS

PLAIN: dict[str, Any] = {
    "command": "log",
    "log_command": None,
    "config": None,
    "since": None,
    "until": None,
    "rule": None,
    "ref": None,
    "source": None,
    "outcome": None,
    "limit": ROWS,
    "json": False,
    "follow": False,
}

SHOW = {"log_command": "show", "shown": "197ddfaf"}


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        ([], {}),
        (["--rule", "explicit", "--source", "hook"], {"rule": "explicit", "source": "hook"}),
        (["--outcome", "would-reject", "--json"], {"outcome": "would-reject", "json": True}),
        (["--limit", "0"], {"limit": MOST_ROWS}),
        (["--limit", "7", "--follow"], {"limit": 7, "follow": True}),
        (["--ref", "ref=197DDFAF"], {"ref": "197ddfaf"}),
        (["show", "(ref 197ddfaf)"], SHOW),
        (
            ["--config", "f", "--json", "show", "197ddfaf"],
            {**SHOW, "config": Path("f"), "json": True},
        ),
        (
            ["show", "--json", "--config", "f", "197ddfaf"],
            {**SHOW, "config": Path("f"), "json": True},
        ),
    ],
    ids=str,
)
def test_what_is_meant(arguments: list[str], meant: dict[str, Any]) -> None:
    assert vars(parser().parse_args(["log", *arguments])) == PLAIN | meant


def test_moments_become_seconds() -> None:
    found = parser().parse_args(["log", "--since", "2026-11-01T00:00Z", "--until", "2026-11-01T01:00Z"])
    assert (found.since, found.until) == (1_793_491_200.0, 1_793_494_800.0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--since", "later"], "--since: must be like 30m, 2h, 7d"),
        (["--until", ""], "--until: must be like"),
        (["--ref", "197ddfa"], "--ref: must be 8 hex digits, as the log and the refusal show them, not '197ddfa'"),
        (["show", "photo.jpg"], "REF: must be 8 hex digits"),
        (["show"], "required: REF"),
        (["--source", "web"], "--source: invalid choice: 'web' (choose from"),
        (["--outcome", "refused"], "--outcome: invalid choice: 'refused' (choose from"),
        *[
            (["--limit", typed], f"--limit: must be a whole number from 0 (all) to {MOST_ROWS}")
            for typed in ("x", "1.5", "²", "100000001")
        ],
    ],
    ids=str,
)
def test_a_command_line_that_is_wrong(capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["log", *arguments])
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_show_has_help_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["log", "show", "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "pictrs-filter log show 197ddfaf" in text
    assert "exit code: 0 shown, 1 there is no such ref" in text
