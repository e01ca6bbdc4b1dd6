"""What may be typed, what is said to the rest, and what is meant where nothing is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from addons.admin import grammar
from addons.admin.grammar import BENCH_SECONDS, parser

WRONG = [
    pytest.param([], "the following arguments are required: COMMAND", id="nothing"),
    pytest.param(["bogus"], "invalid choice: 'bogus'", id="unknown-command"),
    pytest.param(["classify"], "the following arguments are required: FILE|URL", id="no-picture"),
    pytest.param(["check", "a", "b"], "unrecognized arguments: b", id="two-files"),
    pytest.param(["serve", "--upstream", "pictrs"], "--upstream: must be http://HOST:PORT of pict-rs", id="upstream"),
    pytest.param(["serve", "--listen", "localhost:80"], "--listen: must be ADDRESS:PORT, ", id="listen"),
    pytest.param(["demo", "--upstream", "https://h"], "not 'https://h'", id="upstream-of-the-demo"),
    pytest.param(["selftest", "--url", "http://h", "--write", "f"], "not allowed with", id="url-and-write"),
    *[
        pytest.param(["bench", option, value], f"{option}: must be a number from {bounds}, not '{value}'", id=name)
        for name, option, value, bounds in (
            ("no-seconds", "--seconds", "0", "0.01 to 3600"),
            ("too-many-seconds", "--seconds", "3600.1", "0.01 to 3600"),
            ("seconds-of-nothing", "--seconds", "nan", "0.01 to 3600"),
            ("words-for-seconds", "--seconds", "long", "0.01 to 3600"),
            ("none-at-once", "--at-once", "0", "1 to 1024"),
            ("too-many-at-once", "--at-once", "1025", "1 to 1024"),
            ("half-at-once", "--at-once", "1.5", "1 to 1024"),
        )
    ],
    *[
        pytest.param(["selftest", "--url", url], "--url: must be http://HOST:PORT, for example", id=f"url-{name}")
        for name, url in {
            "empty": "",
            "without-scheme": "127.0.0.1:8081",
            "other-scheme": "ftp://h",
            "without-host": "http://:80",
            "half-a-bracket": "http://[::1",
            "port-too-high": "http://h:65536",
            "port-zero": "http://h:0",
            "space": "http://h/a b",
            "query": "http://h/?a",
            "user": "http://u@h",
            "newline": "http://h/\n",
        }.items()
    ],
]


@pytest.mark.parametrize(("arguments", "words"), WRONG)
def test_a_command_line_that_is_wrong(capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["serve"], {"config": None, "upstream": None, "listen": None}),
        (["serve", "--listen", "[::1]:80"], {"config": None, "upstream": None, "listen": "[::1]:80"}),
        (["check"], {"file": None, "config": None}),
        (["check", "f.yaml"], {"file": Path("f.yaml"), "config": None}),
        (["classify", "a", "http://h/b"], {"config": None, "json": False, "pictures": ["a", "http://h/b"]}),
        (["selftest"], {"url": None, "write": None, "config": None}),
        (["selftest", "--url", "https://h:1/"], {"url": "https://h:1/", "write": None, "config": None}),
        (["bench"], {"config": None, "json": False, "seconds": BENCH_SECONDS, "at_once": None, "files": []}),
        (
            ["bench", "--seconds", "0.01", "--at-once", "1024", "--json", "a"],
            {"config": None, "json": True, "seconds": 0.01, "at_once": 1024, "files": [Path("a")]},
        ),
        (["demo", "--stay"], {"upstream": None, "stay": True}),
    ],
)
def test_what_is_meant(arguments: list[str], meant: dict[str, Any]) -> None:
    assert vars(parser().parse_args(arguments)) == {"command": arguments[0]} | meant


def test_without_an_installed_package_there_is_no_version(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_: str) -> str:
        raise PackageNotFoundError

    monkeypatch.setattr(grammar, "version", missing)
    with pytest.raises(SystemExit):
        parser().parse_args(["--version"])
    assert capsys.readouterr().out == "pictrs-filter (not installed)\n"


@pytest.mark.parametrize(
    ("arguments", "file"),
    [([], None), (["a.yaml"], Path("a.yaml")), (["--config", "a.yaml"], Path("a.yaml"))],
)
def test_the_file_to_check_may_be_named_as_elsewhere(arguments: list[str], file: Path | None) -> None:
    options = parser().parse_args(["check", *arguments])
    assert (options.file or options.config) == file


def test_one_file_is_checked() -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["check", "a.yaml", "--config", "b.yaml"])


@pytest.mark.parametrize("words", [["show"], ["sync"], ["import", "a.txt", "--to", "deny"], ["export", "deny"]])
def test_the_configuration_of_lists_stands_before_the_word_or_behind_it(words: list[str]) -> None:
    for arguments in (["--config", "a.yaml", *words], [*words, "--config", "a.yaml"]):
        assert parser().parse_args(["lists", *arguments]).config == Path("a.yaml")
    assert parser().parse_args(["lists", *words]).config is None
