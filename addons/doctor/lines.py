"""Where a setting stands: the file and the line to change, or the variable of the environment that stands above it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from config.document import MAX_FILE_BYTES, Document, read
from config.load import OVERRIDES, Config
from config.problems import Loc, dotted


class Lines:
    """The places in the file of `config`, which is read once; `env` is the environment that it was loaded with."""

    def __init__(self, config: Config, env: Mapping[str, str] = os.environ) -> None:
        self._path = config.path
        self._variables = {setting: name for name, setting in OVERRIDES.items() if env.get(name)}
        try:
            with config.path.open("rb") as file:
                self._document = read(file.read(MAX_FILE_BYTES + 1))
        except OSError:  # it was there a moment ago
            self._document = Document()

    def place(self, *loc: str | int) -> str:
        """`filter.yaml:12`, the name of a variable, or the file alone where the value is a default.

        Of what is not written the line of the section around it is told, where that is.
        """
        variable = self._variables.get(dotted(loc))
        if variable is not None:
            return variable
        line = self._line(loc)
        return str(self._path) if line is None else f"{self._path}:{line}"

    def change(self, *loc: str | int, to: str) -> str:
        """What to write, and where: `filter.yaml:12: write mode: enforce`, with the value `to`."""
        variable = self._variables.get(dotted(loc))
        if variable is not None:
            return f"set the variable {variable}={to}"
        line = f"`{loc[-1]}: {to}`"
        if loc in self._document.lines:
            return f"{self.place(*loc)}: write {line}"
        return f"{self.place(*loc)}: add {line}" + (f" under `{dotted(loc[:-1])}:`" if loc[:-1] else "")

    def _line(self, loc: Loc) -> int | None:
        return self._document.line(loc)
