"""Pages are taken apart: no block is missed, no code is taken for a link."""

from __future__ import annotations

import pytest

from tests.pages.markdown import Block, pages, parsed

TEXT = """\
# One `word`, and more!

See [there](other.md#an-end), [`code`](a/b.py) and `[no](link.md)`; `two
words`.

1. A step

   ```sh
   one \\
       two

   three
   ```

<!-- said before -->
```
bare # not a heading
```

## An end

[late]: https://example.org/x
"""


def test_blocks_have_their_place_and_lose_their_indent() -> None:
    page = parsed("p.md", TEXT)
    assert page.blocks == (
        Block("p.md", 8, "sh", "one \\\n    two\n\nthree\n", "", "One `word`, and more!"),
        Block("p.md", 16, "", "bare # not a heading\n", "said before", "One `word`, and more!"),
    )
    assert page.blocks[0].place == "p.md:8"


def test_what_stands_in_a_block_is_no_prose() -> None:
    page = parsed("p.md", TEXT)
    assert page.anchors == {"one-word-and-more", "an-end"}
    assert page.links == ("other.md#an-end", "a/b.py", "https://example.org/x")
    assert page.code == ("word", "code", "[no](link.md)", "two words")
    assert page.prose.splitlines()[19] == "## An end", "lines keep their numbers"


def test_a_block_without_an_end() -> None:
    with pytest.raises(ValueError, match=r"p\.md:2: a block without an end"):
        parsed("p.md", "a\n```sh\nls\n")


def test_all_pages_are_found() -> None:
    found = {page.path for page in pages()}
    assert {"README.md", "SECURITY.md", "docker/migration.md"} <= found
    assert not any(path.startswith(("tests/", ".venv")) for path in found)
