"""What makes a command of the command line: grammar.parser() gives it to the rooms that add theirs."""

from __future__ import annotations

import argparse
from collections.abc import Callable

Command = Callable[[str, str, str, str], argparse.ArgumentParser]
"""Name, a summary for the list of all, a text before the options, and examples behind them."""
DEFAULT_FILE = "default: the file that PICTRS_FILTER_CONFIG names, else the shipped one"
