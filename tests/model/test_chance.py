"""Choices that nobody can foresee, and that are the same for the same file."""

from __future__ import annotations

import subprocess
import sys

from model.chance import SECRET, SECRET_BYTES, chances


def test_the_same_file_has_the_same_choices() -> None:
    assert chances(b"a file").random() == chances(b"a file").random()
    assert chances(b"a file", b"k" * 32).random() == chances(b"a file", b"k" * 32).random()


def test_another_file_or_another_secret_has_others() -> None:
    drawn = {chances(data, secret).random() for data in (b"a file", b"a filf") for secret in (SECRET, b"k" * 32, b"")}
    assert len(drawn) == 6


def test_each_process_has_a_secret_of_its_own() -> None:
    assert len(SECRET) == SECRET_BYTES
    code = "from model.chance import SECRET; print(SECRET.hex())"
    others = {subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(2)}
    assert len({*others, SECRET.hex().encode() + b"\n"}) == 3
