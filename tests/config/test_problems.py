"""Problems as lines of text: whole, short, and harmless to a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.problems import SHOWN_CHARACTERS, ConfigError, Problem, did_you_mean, dotted, printable


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        (Problem("c.yaml", 4, "rules[0].when", "is wrong", "do this"), "c.yaml:4: rules[0].when: is wrong (do this)"),
        (Problem("c.yaml", 4, "rules[0].when", "is wrong"), "c.yaml:4: rules[0].when: is wrong"),
        (Problem("c.yaml", None, "rules", "is missing"), "c.yaml: rules: is missing"),
        (Problem("c.yaml", 4, "", "is not YAML"), "c.yaml:4: is not YAML"),
        (Problem("VARIABLE", None, "", "is empty", "unset it"), "VARIABLE: is empty (unset it)"),
    ],
)
def test_line(problem: Problem, line: str) -> None:
    assert str(problem) == line


def test_error_has_a_line_for_each_problem() -> None:
    error = ConfigError([Problem("a", 1, "b", "c"), Problem("a", 2, "d", "e")])
    assert str(error) == "a:1: b: c\na:2: d: e"
    assert [problem.line for problem in error.problems] == [1, 2]


@pytest.mark.parametrize(
    ("loc", "text"),
    [
        ((), ""),
        (("mode",), "mode"),
        (("rules", 0, "when", "signal"), "rules[0].when.signal"),
        (("fetch", "ports", 1), "fetch.ports[1]"),
        (("a\nb", "c"), "a\\nb.c"),
    ],
)
def test_place(loc: tuple[str | int, ...], text: str) -> None:
    assert dotted(loc) == text


@given(st.text())
def test_shown_text_is_one_short_line_that_a_terminal_only_shows(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown) <= SHOWN_CHARACTERS


def test_text_is_shortened_beyond_its_limit() -> None:
    assert printable("x" * SHOWN_CHARACTERS) == "x" * SHOWN_CHARACTERS
    assert printable("x" * (SHOWN_CHARACTERS + 1)) == "x" * (SHOWN_CHARACTERS - 3) + "..."


def test_terminal_codes_are_escaped() -> None:
    assert printable("\x1b[31m\u202e\ud800") == "\\x1b[31m\\u202e\\ud800"


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("max_file", ["max_files", "mode"], "did you mean max_files?"),
        ("NSFW", ["sfw", "nsfw"], "did you mean nsfw?"),
        ("xyz", ["b", "a"], "there is: a, b"),
        ("xyz", [], ""),
        ("xyz", [f"{n:02}" for n in range(15)], "there is: 00, 01, 02, 03, 04, 05, 06, 07, 08, 09, 10, 11, 12, 13, 14"),
        (
            "xyz",
            [f"{n:02}" for n in range(16)],
            "there is: 00, 01, 02, 03, 04, 05, 06, 07, 08, 09, 10, 11, 12, 13, 14, ...",
        ),
    ],
)
def test_hint(word: str, known: list[str], hint: str) -> None:
    assert did_you_mean(word, known) == hint
