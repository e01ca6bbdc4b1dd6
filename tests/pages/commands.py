"""The commands of pages: cut out of their blocks, and sorted into those that are run here and those that cannot be.

Rules this file keeps: whatever is in neither is a fault, told with its page and line. A command that is not run here
has a reason, and names the test that runs it, or its like, with the real program.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.pages.markdown import Block, Page

INSIDE: Final = re.compile(
    r"^(docker compose (-p \S+ )?exec (-T )?pictrs-filter|kubectl -n lemmy exec deployment/pictrs-filter --)"
    r" (?=pictrs-filter )"
)
"""How a command is run within the container; tests/pages/sandbox.py runs it without one."""
HERE: Final = re.compile(
    r"(pictrs-filter|curl)( .*)?|docker compose( -[fp] \S+)* config( .*)?|"
    r"(cp|mkdir|rm|sed|echo|cat)(?!.*([ ']/|\.\.))( .*)?"
)
"""What is run here, in a folder that is thrown away. Programs that change files are not given absolute paths."""
_BEYOND: Final = re.compile(r"> *(/(?!dev/null)|~|\.\.)|[$`]")
"""Output into a file elsewhere, and whatever a shell would put in."""
_CODE: Final = re.compile(r"""(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|\\$|[^'"\\#]|(?<=\S)#)*""")
"""What of a line is no comment."""
_ASSIGNMENT: Final = re.compile(r"^[A-Z_][A-Z0-9_]*=\S*$")
_REDIRECTION: Final = re.compile(r"[0-9]?(>>?|<)")


@dataclass(frozen=True)
class Elsewhere:
    """Commands that cannot be run here: their pattern, whole; why; and the file that runs them, or their like.

    With a page, those of that page only; with a heading, those below it, which the test reads from the page itself.
    `test` is empty where nothing runs them: then the page, if it is one, has to say so. `by` is a piece of that test,
    word for word, that runs them; a test that reads the page's commands below that heading needs none.
    """

    pattern: str
    reason: str
    test: str
    page: str = ""
    heading: str = ""
    by: str = ""

    def knows(self, command: Command) -> bool:
        """Whether this row is about that command."""
        return (
            self.page in ("", command.page)
            and self.heading in ("", command.heading)
            and re.fullmatch(self.pattern, command.text) is not None
        )


@dataclass(frozen=True)
class Command:
    """One command of a page, as a shell reads it: comments gone, lines put together."""

    page: str
    line: int
    text: str
    heading: str = ""

    @property
    def place(self) -> str:
        """`page:line: command`, for people."""
        return f"{self.page}:{self.line}: {self.text}"

    @property
    def parts(self) -> list[str]:
        """The programs of it, as `a | b && c` has three; without the variables set before each."""
        return [" ".join(shlex.quote(word) for word in words) for words in _split(self.text)]

    @property
    def ours(self) -> list[list[str]]:
        """The words of each `pictrs-filter` in it, in a container or not."""
        found = (shlex.split(INSIDE.sub("", part)) for part in self.parts)
        return [words for words in found if words[0] == "pictrs-filter"]

    @property
    def here(self) -> bool:
        """Whether it is run here."""
        if self.elsewhere or _BEYOND.search(self.text):
            return False
        return all(HERE.fullmatch(INSIDE.sub("", part)) for part in self.parts)

    @property
    def elsewhere(self) -> Elsewhere | None:
        """Why it is not run here; None if that is not known."""
        return next((row for row in ELSEWHERE if row.knows(self)), None)


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
            found.append(Command(block.page, begin, gathered.strip(), block.heading))
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
        if bare.startswith("pictrs-filter ") and not re.search(r"[\[\]|]|\.\.\.", bare):
            found.append(next(_split(bare)))
    return found


def _split(text: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars="|&;")
    lexer.commenters, lexer.whitespace_split = "", True
    words: list[str] = []
    skip = False
    for word in lexer:
        if set(word) <= set("|&;"):
            yield words
            words = []
        elif skip:  # the file of a redirection
            skip = False
        elif found := _REDIRECTION.match(word):
            skip = found[0] == word
        elif words or not _ASSIGNMENT.match(word):
            words.append(word)
    yield words


ENGINE: Final = "needs an engine, an image that takes minutes to build, and Lemmy"
SERVICE: Final = "is for root on a machine with systemd"
NETWORK: Final = "tests/docker/test_network.py"
KUBERNETES: Final = ("tests/docker/test_kubernetes.py", "docker/kubernetes/README.md")
SYSTEMD: Final = ("tests/docker/test_systemd.py", "docker/systemd/README.md")
ELSEWHERE: Final = (
    Elsewhere(
        "make demo",
        "makes an environment of its own first, 5.7 GB",
        "tests/addons/admin/test_demo.py",
        by="await demo(",
    ),
    Elsewhere("make test", "is what runs this test", ".ci/run", by="\nmake test\n"),
    Elsewhere(
        r"pipx install .* \.",
        "fetches 5.9 GB, unless it finds them there",
        "tests/release/test_wheel.py",
        by='"pipx", "install", "--python", str(python), constraint',
    ),
    Elsewhere(r"git clone \S+( \S+)?|git (-C \S+ )?pull", "reaches out of this machine", ""),
    Elsewhere(
        r"cd \S+", "each page's commands are run in one folder here", "tests/pages/sandbox.py", by="cwd=self.work(page)"
    ),
    Elsewhere(
        r"docker compose( -f docker/compose\.yaml| -p \S+)? build pictrs-filter",
        ENGINE,
        NETWORK,
        by='"(?m)^docker compose (build .*)$", "".join(commands(PAGE, STEPS))',
    ),
    Elsewhere(
        r"docker compose( -p \S+)? up -d( --remove-orphans)?", ENGINE, "tests/docker/deployed.py", by='"up", "--detach"'
    ),
    Elsewhere(
        r"docker compose -f docker/compose\.yaml up -d", ENGINE, "tests/docker/test_trial.py", by='"-f", "compose.yaml"'
    ),
    Elsewhere(
        r"docker compose -f docker/compose\.yaml down --volumes",
        ENGINE,
        "tests/docker/deployed.py",
        by='"down", "--volumes"',
    ),
    Elsewhere(
        r"docker (volume rm lemmy_\S+ lemmy_\S+|network rm lemmy_\S+)",
        ENGINE,
        NETWORK,
        by='commands(PAGE, "The way back")[1]',
    ),
    Elsewhere(r".*", f"{SERVICE}, and fetches gigabytes", "", SYSTEMD[1], "1. The program"),
    Elsewhere(r".*", SERVICE, *SYSTEMD, "2. The service"),
    Elsewhere(r".*", SERVICE, *SYSTEMD, "3. pict-rs"),
    Elsewhere(r".*", SERVICE, *SYSTEMD, "5. Verify"),
    Elsewhere(
        r"install .*|systemctl .*",
        f"{SERVICE}: lines of step 2",
        *SYSTEMD,
        "Update",
        'commands(PAGE, "2. The service")',
    ),
    Elsewhere(r".*", SERVICE, *SYSTEMD, "The way back"),
    Elsewhere(r"kubectl .*", "no cluster is to be had; the manifests are held to its schemas", "", KUBERNETES[1]),
    Elsewhere(r"sed -i .*", "needs the line before it", *KUBERNETES, "1. The image"),
    Elsewhere(r"docker push .*", "needs a registry of one's own", "", KUBERNETES[1]),
    Elsewhere(r"docker build .*", "needs an engine", "tests/docker/engine.py", by='"--target", target'),
    Elsewhere(
        r"docker run .*",
        "needs an engine",
        "tests/docker/test_image.py",
        "docker/images.md",
        by='commands(DOCKER / "images.md", "What a container needs")',
    ),
)
