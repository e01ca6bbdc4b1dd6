"""Every page for people: what it says to type is typed, what it says to write is loaded, what it links to is there.

The rooms are under tests/pages/. Once: the commands are the same on each Python, and their own tests run on both.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from addons.admin.grammar import parser
from config.load import CONFIG, OVERRIDES
from tests.conftest import need_compose, need_namespace
from tests.pages import loaded
from tests.pages.commands import ELSEWHERE, Command, inline, of_page
from tests.pages.markdown import Page, pages
from tests.pages.namespace import unshare
from tests.running import repository

pytestmark = pytest.mark.once

PAGES = {page.path: page for page in pages()}
ALL = pytest.mark.parametrize("page", PAGES.values(), ids=list(PAGES))
LANGUAGES = {"sh", "yaml", "text", "ini", "hjson"}
BLOCKS = [block for page in PAGES.values() for block in page.blocks]
COMMANDS = [command for page in PAGES.values() for command in of_page(page)]
YAML = [block for block in BLOCKS if block.language == "yaml"]
TOP = ("addons", "model", "config", "tests", "docker", ".ci")
MAY_FAIL = {"doctor": {1, 3}}
"""Exit codes of commands that tell what they find, besides 0: the demo's pict-rs is not the real one."""


def test_the_pages_are_there() -> None:
    assert {
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "docker/README.md",
        "docker/migration.md",
    } <= set(PAGES)


@ALL
def test_each_block_says_what_it_is(page: Page) -> None:
    assert [block.place for block in page.blocks if block.language not in LANGUAGES] == []


@ALL
def test_no_command_hides_in_a_text(page: Page) -> None:
    for block in page.blocks:
        if block.language != "sh":
            assert not re.search(r"(?m)^(\$ |(sudo|docker|make|kubectl|systemctl|pip|pipx|git) \w)", block.text), (
                block.place
            )


@ALL
def test_links_lead_somewhere(page: Page) -> None:
    folder = (repository() / page.path).parent
    for target in page.links:
        parts = urlsplit(target)
        if parts.scheme:
            assert parts.scheme == "https", target
            assert parts.hostname, target
            continue
        file = (folder / parts.path).resolve() if parts.path else repository() / page.path
        assert file.exists(), f"{page.path} links to {target}"
        if parts.fragment:
            other = PAGES[str(file.relative_to(repository()))]
            assert parts.fragment in other.anchors, f"{page.path} links to {target}: no such heading"


@ALL
def test_files_that_are_named_are_there(page: Page) -> None:
    for code in page.code:
        path, _, test = code.partition("::")
        if re.fullmatch(r"[\w./-]+", path) and path.split("/")[0] in TOP and "/" in path:
            file = repository() / path
            assert file.exists(), f"{page.path} names {path}"
            assert not test or f"def {test}(" in file.read_text("utf-8"), f"{page.path} names {code}"


@ALL
def test_targets_of_make_exist(page: Page) -> None:
    makefile = (repository() / "Makefile").read_text("utf-8")
    named = [code.split()[1] for code in page.code if re.fullmatch(r"make [a-z-]+( .*)?", code)]
    assert [name for name in named if not re.search(rf"(?m)^{name}:", makefile)] == []


@ALL
def test_variables_of_ours_exist(page: Page) -> None:
    """Those that are set in any block, or named in the text."""
    texts = [page.prose, *(block.text for block in page.blocks)]
    named = {name for text in texts for name in re.findall(r"\bPICTRS_FILTER_[A-Z_]+\b", text)}
    assert named <= {*OVERRIDES, CONFIG, "PICTRS_FILTER_REAL", "PICTRS_FILTER_REAL_REQUIRED"}


@ALL
def test_variables_are_written_as_files_take_them(page: Page) -> None:
    for block in page.blocks:
        if block.language == "ini":
            for line in block.text.splitlines():
                assert re.fullmatch(r"(#.*)?|\[\w+\]|\w+=.*", line), f"{block.place}: {line}"


@ALL
def test_lines_of_lemmys_are_written_as_it_takes_them(page: Page) -> None:
    """lemmy.hjson: what our pages say of it is a key and a string, or a section."""
    for block in page.blocks:
        if block.language == "hjson":
            for line in block.text.splitlines():
                assert re.fullmatch(r" *(#.*|\w+: \{|\w+: \"[^\"]*\"|\})", line), f"{block.place}: {line}"


@ALL
def test_commands_are_understood(page: Page) -> None:
    """By the real grammar, those within the text too. `docker compose exec` and the like are looked through."""
    for words in [*inline(page), *(words for command in of_page(page) for words in command.ours)]:
        if words[1:]:
            assert exit_code(words[1:]) == 0, f"{page.path}: {' '.join(words)}"


def exit_code(arguments: list[str]) -> object:
    """What the grammar says of a command; one by its bare name is asked for its help."""
    try:
        parser().parse_args([*arguments, "--help"] if len(arguments) == 1 else arguments)
    except SystemExit as error:
        return error.code
    return 0


def test_each_command_is_run_or_known() -> None:
    assert [command.place for command in COMMANDS if not command.here and not command.elsewhere] == []


@pytest.mark.parametrize("row", ELSEWHERE, ids=lambda row: row.pattern)
def test_what_is_run_elsewhere_is(row: Any) -> None:
    assert [command for command in COMMANDS if command.elsewhere is row], "no page says so any more"
    assert len(row.reason) > 10
    if not row.test:
        assert not row.page or re.search(r"\bnot\s+run\b", PAGES[row.page].prose), "the page has to say so"
        return
    assert (row.by or f'"{row.heading}"') in (repository() / row.test).read_text("utf-8"), "it does not run them"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Mapping[Command, dict[str, Any]]:
    """What became of every command that is run here, all in one sandbox, in the order of the pages."""
    need_namespace()
    need_compose()
    commands = [command for command in COMMANDS if command.here]
    first: dict[str, Command] = {}
    same = {command: first.setdefault(key(command), command) for command in commands}
    run = list(dict.fromkeys(same.values()))
    program = [*unshare(), sys.executable, "-m", "tests.pages.sandbox", str(tmp_path_factory.mktemp("pages"))]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PICTRS_FILTER_")}
    done = subprocess.run(
        program,
        input=json.dumps([(command.page, command.text) for command in run]),
        stdout=subprocess.PIPE,
        cwd=repository(),
        env=kept,
        text=True,
        check=True,
    )
    became = dict(zip(run, json.loads(done.stdout), strict=True))
    return {command: became[same[command]] for command in commands}


def key(command: Command) -> str:
    """Commands of one key are run once: most pages ask the doctor, who loads the model and changes nothing."""
    if {words[1] for words in command.ours} == {"doctor"}:
        return re.sub(r" -p \S+", "", command.text)
    return command.place


@pytest.mark.parametrize(
    "command", [command for command in COMMANDS if command.here], ids=lambda command: command.place
)
def test_a_command_does_what_it_says(command: Command, results: Mapping[Command, dict[str, Any]]) -> None:
    became = results[command]
    ours = {words[1] for words in command.ours}
    assert became["code"] in {0}.union(*(MAY_FAIL.get(name, set()) for name in ours)), became["said"]
    assert "Traceback" not in became["said"]
    if "serve" in ours:
        assert " ready: " in became["said"]


@pytest.mark.parametrize("block", YAML, ids=lambda block: block.place)
def test_yaml_is_loaded_by_what_it_is_for(block: Any, tmp_path: Path) -> None:
    kind = loaded.kind(block)
    if kind == "filter":
        loaded.as_filter(block.text, tmp_path)
    elif kind == "lines":
        loaded.as_lines(block)
    elif kind == "kubernetes":
        loaded.as_kubernetes(block.text, tmp_path)
    else:
        need_compose()
        loaded.as_compose(block.text, tmp_path)
