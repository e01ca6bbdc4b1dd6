"""Commands are cut out of their blocks as a shell would read them, and none is taken for known that is not."""

from __future__ import annotations

import pytest

from tests.pages.commands import Command, inline, of_block, of_page
from tests.pages.markdown import Block, parsed

BLOCK = """\
# a comment
pictrs-filter log --since 7d      # and another
A=1 B_2=http://x:1 \\
    pictrs-filter serve --config 'a # b.yaml'

printf '%s' "x" > file
"""


def test_comments_go_and_lines_are_put_together() -> None:
    found = of_block(Block("p.md", 10, "sh", BLOCK))
    assert [(command.line, command.text) for command in found] == [
        (12, "pictrs-filter log --since 7d"),
        (13, "A=1 B_2=http://x:1 pictrs-filter serve --config 'a # b.yaml'"),
        (16, "printf '%s' \"x\" > file"),
    ]
    assert found[1].ours == [["pictrs-filter", "serve", "--config", "a # b.yaml"]]
    assert (found[2].ours, found[2].parts) == ([], ["printf %s x"])
    assert [command.here for command in found] == [True, True, False]
    assert found[2].elsewhere is None


@pytest.mark.parametrize(
    ("text", "ours", "here"),
    [
        ("docker compose exec pictrs-filter pictrs-filter doctor --json", [["doctor", "--json"]], True),
        ("docker compose -p lemmy exec pictrs-filter pictrs-filter log", [["log"]], True),
        ("docker compose exec -T pictrs-filter pictrs-filter check > out.txt", [["check"]], True),
        (
            "docker compose config --format json | pictrs-filter doctor --compose -",
            [["doctor", "--compose", "-"]],
            True,
        ),
        ("pictrs-filter check a.yaml && pictrs-filter log 2>/dev/null", [["check", "a.yaml"], ["log"]], True),
        ("pictrs-filter check; shutdown now", [["check"]], False),
        ("docker compose exec pictrs-filter rm -rf /", [], False),
        ("docker compose exec pictrs rm -rf /", [], False),
        ("rm -rf /etc", [], False),
        ("sed -i 's/a/b/' /etc/passwd", [], False),
        ("echo a > b", [], True),
        ("echo a > /etc/passwd", [], False),
        ("pictrs-filter log >>/etc/passwd", [["log"]], False),
        ("rm -r ../..", [], False),
        ("echo $(rm -rf x)", [], False),
        ("pictrs-filterx log", [], False),
        ("curl -s http://127.0.0.1:8083/healthz", [], True),
        ("make demo", [], False),
    ],
)
def test_what_is_run_here(text: str, ours: list[list[str]], here: bool) -> None:
    command = Command("p.md", 1, text)
    assert command.ours == [["pictrs-filter", *words] for words in ours]
    assert command.here is here


@pytest.mark.parametrize(
    ("text", "known"), [("make demo", True), ("make demo; rm -rf /", False), ("sudo make test", False), ("ls", False)]
)
def test_only_whole_commands_are_known(text: str, known: bool) -> None:
    assert (Command("p.md", 1, text).elsewhere is not None) is known


def test_commands_within_the_text() -> None:
    page = parsed(
        "p.md",
        "`pictrs-filter log`, `pictrs-filter deny REF|HASH`, `docker compose exec pictrs-filter pictrs-filter check`",
    )
    assert inline(page) == [["pictrs-filter", "log"], ["pictrs-filter", "check"]]
    assert of_page(page) == []
