"""What makes a command of the command line: grammar.parser() gives it to the rooms that add theirs."""

from __future__ import annotations

import argparse
from collections.abc import Callable

Command = Callable[[str, str, str, str], argparse.ArgumentParser]
"""Name, a summary for the list of all, a text before the options, and examples behind them."""
DEFAULT_FILE = "default: the file that PICTRS_FILTER_CONFIG names, else the shipped one"


def checked(check: Callable[[str], object]) -> Callable[[str], object]:
    """`check`, which raises ValueError, as argparse wants it: its own words, and what was typed."""

    def convert(text: str) -> object:
        try:
            return check(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{error}, not {text!r}") from None

    return convert
