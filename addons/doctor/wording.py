"""The exact line to change: in the environment where that has the word, else in the file that was read. Pure, but for
a look at the environment."""

from __future__ import annotations

import os
from pathlib import Path

from config.load import DEFAULT, OVERRIDES, Config


def line(config: Config, setting: str, value: str) -> str:
    """How `setting` (`callback.url`) is set to `value`, and where."""
    variable = next((name for name, known in OVERRIDES.items() if known == setting), None)
    if variable is not None and (os.environ.get(variable) or config.path == DEFAULT):
        return f"{variable}={value} in the filter's environment"
    section, _, name = setting.rpartition(".")
    written = f"{section}: {{{name}: {value}}}" if section else f"{name}: {value}"
    return f"`{written}` in {_place(config.path)}"


def _place(path: Path) -> str:
    return "a configuration file of your own (--config)" if path == DEFAULT else str(path)
