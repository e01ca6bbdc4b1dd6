"""What rooms make their commands of, and that each of the small grammars means what its help says."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from addons.admin.command import checked
from addons.admin.grammar import parser


def test_a_check_becomes_argparses_own() -> None:
    def positive(text: str) -> int:
        if int(text) < 1:
            raise ValueError("must be above 0")
        return int(text)

    assert checked(positive)("7") == 7
    with pytest.raises(argparse.ArgumentTypeError, match=r"^must be above 0, not '0'$"):
        checked(positive)("0")


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["explain", "a.jpg"], {"picture": "a.jpg", "source": None, "json": False, "config": None}),
        (
            ["explain", "--source", "hook", "--json", "--config", "f.yaml", "http://h/a"],
            {"picture": "http://h/a", "source": "hook", "json": True, "config": Path("f.yaml")},
        ),
        (["healthcheck"], {"ready": False, "config": None}),
        (["healthcheck", "--ready", "--config", "f.yaml"], {"ready": True, "config": Path("f.yaml")}),
        (["doctor"], {"quick": False, "json": False, "compose": None, "config": None}),
        (
            ["doctor", "--quick", "--json", "--compose", "-", "--outside", ""],
            {"quick": True, "json": True, "compose": "-", "outside": ""},
        ),
        (["models"], {"action": None, "config": None}),
        (["models", "pin"], {"action": "pin", "config": None}),
        (["presets"], {"action": None}),
        (["presets", "show", "strict"], {"action": "show", "name": "strict"}),
    ],
)
def test_what_is_meant(arguments: list[str], meant: dict[str, Any]) -> None:
    found = vars(parser().parse_args(arguments))
    assert {name: found.get(name, "missing") for name in meant} == meant


@pytest.mark.parametrize(
    "arguments",
    [
        ["explain"],
        ["explain", "a", "b"],
        ["explain", "--source", "mail", "a"],
        ["presets", "show"],
        ["models", "x"],
        ["doctor", "x"],
        ["healthcheck", "x"],
    ],
)
def test_what_is_not_understood(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(arguments)
    assert ended.value.code == 2
    assert "usage: pictrs-filter" in capsys.readouterr().err
