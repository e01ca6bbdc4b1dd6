"""The pages for people, read as far as tests need it: fenced blocks, links, headings and code in the text. Pure but for
`pages`.

Only the Markdown that our pages use: fences of three backticks, in lists too; `[text](target)`; headings with `#`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.running import repository

_FENCE: Final = re.compile(r"^(?P<indent> *)```(?P<language>[^`]*)$")
_HEADING: Final = re.compile(r"^#{1,6} +(?P<title>.+?) *#*$")
_LINK: Final = re.compile(r"(?<!!)\[(?P<text>[^\]]+)\]\((?P<target>[^)\s]+)\)")
_REFERENCE: Final = re.compile(r"^\[[^\]]+\]: +(?P<target>\S+)$")
_COMMENT: Final = re.compile(r"^ *<!-- (?P<said>.+) -->$")
_CODE: Final = re.compile(r"(?<!`)`(?P<code>[^`\n]+(?:\n[^`\n]+)?)`(?!`)")


@dataclass(frozen=True)
class Block:
    """One fenced block: the page's path within the repository, the line of its fence (from 1), language and text.

    `comment` is what a `<!-- comment -->` says on the line before it, `heading` the title above.
    """

    page: str
    line: int
    language: str
    text: str
    comment: str = ""
    heading: str = ""

    @property
    def place(self) -> str:
        """`page:line`."""
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Page:
    """A page, taken apart. `prose` is its text without what stands in fences; lines keep their numbers."""

    path: str
    blocks: tuple[Block, ...]
    prose: str

    @property
    def anchors(self) -> frozenset[str]:
        """What `#...` may name: headings as GitHub writes them (small, no punctuation, hyphens for spaces)."""
        titles = (found["title"] for line in self.prose.splitlines() if (found := _HEADING.match(line)))
        return frozenset(re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles)

    @property
    def links(self) -> tuple[str, ...]:
        """Targets of all links, in order."""
        plain = _CODE.sub("code", self.prose)
        return tuple(found["target"] for found in _LINK.finditer(plain)) + tuple(
            found["target"] for line in plain.splitlines() if (found := _REFERENCE.match(line))
        )

    @property
    def code(self) -> tuple[str, ...]:
        """All code within the text, in order; what goes over the end of a line is put together."""
        return tuple(re.sub(r"\s+", " ", found["code"]) for found in _CODE.finditer(self.prose))


def parsed(path: str, text: str) -> Page:
    """Take a page apart. Raises ValueError for a fence that is not closed."""
    blocks, prose, inside, heading = [], [], None, ""
    for number, line in enumerate(text.splitlines(), 1):
        fence = _FENCE.match(line)
        prose.append("" if inside or fence else line)
        if title := _HEADING.match(prose[-1]):
            heading = title["title"]
        if inside is None and fence:
            inside = (number, fence["language"].strip(), len(fence["indent"]), list[str]())
        elif inside is not None and line.strip() == "```":
            begin, language, _, lines = inside
            comment = _COMMENT.match(prose[begin - 2]) if begin > 1 else None
            said = comment["said"] if comment else ""
            blocks.append(Block(path, begin, language, "\n".join(lines) + "\n", said, heading))
            inside = None
        elif inside is not None:
            inside[3].append(line[inside[2] :] if not line[: inside[2]].strip() else line)
    if inside is not None:
        raise ValueError(f"{path}:{inside[0]}: a block without an end")
    return Page(path, tuple(blocks), "\n".join(prose))


def pages() -> Iterator[Page]:
    """Every page: those at the top of the repository, and those under docker/."""
    root = repository()
    for file in sorted([*root.glob("*.md"), *(root / "docker").rglob("*.md")]):
        yield parsed(str(file.relative_to(root)), file.read_text("utf-8"))
