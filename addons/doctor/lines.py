"""Where a setting stands: the file and the line to change, or the variable of the environment that stands above it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from config.document import MAX_FILE_BYTES, Document, read
from config.load import DEFAULT, OVERRIDES, Config
from config.presets import FOLDER
from config.problems import dotted

_VARIABLES = {setting: name for name, setting in OVERRIDES.items()}


class Lines:
    """The places in the file of `config`, which is read once; `env` is the environment that it was loaded with."""

    def __init__(self, config: Config, env: Mapping[str, str] = os.environ) -> None:
        self._path = config.path
        self._env = env
        try:
            with config.path.open("rb") as file:
                self._document = read(file.read(MAX_FILE_BYTES + 1))
        except OSError:  # it was there a moment ago
            self._document = Document()

    def place(self, *loc: str | int) -> str:
        """`filter.yaml:12`, the name of a variable, or the file alone where the value is a default.

        Of what is not written the line of the section around it is told, where that is.
        """
        variable = _VARIABLES.get(dotted(loc), "")
        if self._env.get(variable):
            return variable
        line = self._document.line(loc)
        return str(self._path) if line is None else f"{self._path}:{line}"

    def change(self, *loc: str | int, to: str) -> str:
        """What to write, and where: `filter.yaml:12: write mode: enforce`, with the value `to`.

        Of a file that is the program's own nobody should change a line: it is the environment's, or a new file's.
        """
        variable = _VARIABLES.get(dotted(loc))
        if variable is not None and (self._path == DEFAULT or self._env.get(variable)):
            return f"in the filter's environment: {variable}={to}"
        line = f"`{loc[-1]}: {to}`"
        under = f" under `{dotted(loc[:-1])}:`" if loc[:-1] else ""
        if self._path == DEFAULT or self._path.parent == FOLDER:
            return f"in a configuration file of your own (--config): {line}{under}"
        if loc in self._document.lines:
            return f"{self.place(*loc)}: write {line}"
        return f"{self.place(*loc)}: add {line}{under}"
