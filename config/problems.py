"""What is wrong with a configuration, said so that an operator can put it right.

A finding knows a place in the data, a problem knows the file and the line (or the environment variable). Rules this
file keeps: a problem is one printable line; its message says what must be there and what was found, its hint what
to do. What was written is shown, shortened, but of addresses that may have a token in them only the host.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic_core import PydanticCustomError

Loc = tuple[str | int, ...]
"""A place in the data: keys and list positions, from the top."""

UNKNOWN_KEY = "is not a key that is known here"
SHOWN_CHARACTERS = 60
"""What was written is shown up to this length; a problem stays one line that fits a terminal."""

SHOWN_NAMES = 15
"""Of names that there are, so many are listed; no section of the settings or of the policy has more keys."""


@dataclass(frozen=True)
class Finding:
    """Something wrong at a place in the data. `line` is set where the place does not tell it (a key given twice)."""

    loc: Loc
    message: str
    hint: str = ""
    line: int | None = None


@dataclass(frozen=True)
class Problem:
    """Something wrong in `file` (or in the environment variable of that name), at a line, counted from 1, if known."""

    file: str
    line: int | None
    where: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        """`file:line: where: message (hint)`, leaving out what is not known."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        text = ": ".join(part for part in (place, self.where, self.message) if part)
        return f"{text} ({self.hint})" if self.hint else text


class ConfigError(Exception):
    """The configuration cannot be used. `problems` has everything that is wrong, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        """One line a problem."""
        return "\n".join(str(problem) for problem in self.problems)


def wrong(message: str, hint: str = "") -> PydanticCustomError:
    """Return what a validator raises. `message` begins with "must", so that it reads on after a name."""
    return PydanticCustomError("wrong", "{message}", {"message": message, "hint": hint})


def dotted(loc: Loc) -> str:
    """A place as people write it: `rules[0].when.signal`."""
    text = ""
    for step in loc:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{printable(step)}" if text else printable(step)
    return text


def printable(text: str) -> str:
    """`text` on one line, shortened, with everything that a terminal might obey escaped."""
    escaped = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
    return escaped if len(escaped) <= SHOWN_CHARACTERS else escaped[: SHOWN_CHARACTERS - 3] + "..."


def closest(word: str, known: Iterable[str]) -> str | None:
    """The name that `word` may be a misspelling of, or None."""
    names = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), names, n=1)
    return names[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint for a name that is not known: the one it looks like, or else all there are."""
    names = list(known)
    close = closest(word, names)
    if close is not None:
        return f"did you mean {printable(close)}?"
    shown = [printable(name) for name in sorted(names)[:SHOWN_NAMES]]
    return f"there is: {', '.join(shown)}{', ...' if len(names) > SHOWN_NAMES else ''}" if names else ""
