"""The commands of pages: cut out of their blocks, and sorted into those that are run here and those that cannot be.

Rules this file keeps: whatever is in neither is a fault, told with its page and line. A command that is not run here
has a reason, and names the test that runs it, or its like, with the real program.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Final

from tests.pages.markdown import Block, Page

INSIDE: Final = re.compile(r"^docker compose exec (?:-T )?pictrs-filter (?=pictrs-filter )")
"""How a command is run within the container; here it is run without one. tests/docker/ runs the container."""
HERE: Final = ("pictrs-filter", "curl")
"""Programs whose commands are run here."""
_CODE: Final = re.compile(r"""(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|\\$|[^'"\\#]|(?<=\S)#)*""")
"""What of a line is no comment."""
_ASSIGNMENT: Final = re.compile(r"^[A-Z_][A-Z0-9_]*=\S*$")


@dataclass(frozen=True)
class Elsewhere:
    """Commands that cannot be run here: their pattern, whole; why; and the file that runs them, or their like."""

    pattern: str
    reason: str
    test: str


ELSEWHERE: Final = (
    Elsewhere(r"make demo", "makes an environment of its own first, 5.7 GB", "tests/addons/admin/test_demo.py"),
    Elsewhere(r"make test", "is what runs this test", ".ci/run"),
    Elsewhere(
        r"docker compose up -d( --remove-orphans)?", "needs an engine and Lemmy", "tests/docker/test_composed.py"
    ),
)


@dataclass(frozen=True)
class Command:
    """One command of a page, as a shell reads it: comments gone, lines put together. `run` is what is run here."""

    page: str
    line: int
    text: str

    @property
    def place(self) -> str:
        """`page:line: command`, for people."""
        return f"{self.page}:{self.line}: {self.text}"

    @property
    def run(self) -> str:
        """The command without the way into a container."""
        return INSIDE.sub("", self.text)

    @property
    def words(self) -> list[str]:
        """Its words, without the variables that are set before it and without what a shell does with its output."""
        words = shlex.split(self.run)
        while words and _ASSIGNMENT.match(words[0]):
            words.pop(0)
        for sign in ("|", ">", ">>", "<", "&&", "2>"):
            if sign in words:
                words = words[: words.index(sign)]
        return words

    @property
    def here(self) -> bool:
        """Whether it is run here."""
        return bool(self.words) and self.words[0] in HERE and self.elsewhere is None

    @property
    def elsewhere(self) -> Elsewhere | None:
        """Why it is not run here; None if that is not known."""
        return next((row for row in ELSEWHERE if re.fullmatch(row.pattern, self.text)), None)


def of_block(block: Block) -> list[Command]:
    """The commands of a block in `sh`, with their lines in the page."""
    found: list[Command] = []
    begin, gathered = 0, ""
    for number, line in enumerate(block.text.splitlines(), block.line + 1):
        begin = begin if gathered else number
        code = _CODE.match(line)
        gathered += code[0].strip() if code else ""
        if gathered.endswith("\\"):
            gathered = f"{gathered[:-1].rstrip()} "
            continue
        if gathered.strip():
            found.append(Command(block.page, begin, gathered.strip()))
        gathered = ""
    return found


def of_page(page: Page) -> list[Command]:
    """All commands of a page, in order."""
    return [command for block in page.blocks if block.language == "sh" for command in of_block(block)]


def inline(page: Page) -> list[list[str]]:
    """Words of each whole `pictrs-filter ...` in the text of a page; what only names a command's shape is left out."""
    found = []
    for code in page.code:
        bare = INSIDE.sub("", code)
        if bare.startswith("pictrs-filter ") and not re.search(r"[\[\]|<>]|\.\.\.", bare):
            found.append(shlex.split(bare))
    return found
