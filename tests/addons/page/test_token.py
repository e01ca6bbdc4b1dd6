"""The token: one line of a file that others cannot read."""

from __future__ import annotations

from pathlib import Path

import pytest

from addons.page.token import MIN_CHARACTERS, Token, load_token
from addons.state import StateError


def token_file(folder: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path = folder / "token"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


def test_is_read_and_matches_nothing_else(tmp_path: Path) -> None:
    token = load_token(token_file(tmp_path, "0123456789abcdef\n"))
    assert token is not None
    assert token.matches("0123456789abcdef")
    assert [
        given for given in ("", "0123456789abcdeF", "0123456789abcdef\n", "\udcff", "é") if token.matches(given)
    ] == []


def test_none_is_given_without_a_file() -> None:
    assert load_token(None) is None


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ("x" * (MIN_CHARACTERS - 1), 0o600, "must hold one line of 16 or more"),
        ("", 0o600, "openssl rand -hex 32 >"),
        ("two lines that are\nlong enough", 0o600, "must hold one line"),
        (b"\xff" * 20, 0o600, "ASCII"),
        ("x" * 5000, 0o600, "must hold one line"),
        ("0123456789abcdef", 0o604, r"every user can use .*token \(mode 604\): run chmod 600 "),
    ],
)
def test_file_that_does_not_do(tmp_path: Path, text: str | bytes, mode: int, said: str) -> None:
    with pytest.raises(StateError, match=said) as raised:
        load_token(token_file(tmp_path, text, mode))
    assert "0123456789abcdef" not in str(raised.value)


def test_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"No such file or directory \(make it with: openssl"):
        load_token(tmp_path / "none")


def test_is_not_shown() -> None:
    token = Token("0123456789abcdef")
    assert "0123456789abcdef" not in repr(token) + str(vars(token))
