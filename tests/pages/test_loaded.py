"""YAML of pages: what it is for is seen, and what is wrong in it is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.problems import ConfigError
from tests.conftest import need_compose
from tests.pages.loaded import NotLoaded, as_compose, as_filter, as_kubernetes, as_lines, kind
from tests.pages.markdown import Block


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("mode: shadow\n", "filter"),
        ("services: {a: {image: b}}\n", "compose"),
        ("apiVersion: v1\nkind: Service\n---\napiVersion: v1\nkind: Pod\n", "kubernetes"),
    ],
)
def test_kinds(text: str, found: str) -> None:
    assert kind(Block("p.md", 1, "yaml", text)) == found


@pytest.mark.parametrize(
    "text",
    ["", "- a\n", "mode: shadow\nservices: {}\n", "mdoe: shadow\n", "a: [\n", "apiVersion: v1\nkind: x\n---\na: 1\n"],
)
def test_what_is_for_nothing_known(text: str) -> None:
    with pytest.raises(NotLoaded, match=r"^p\.md:1: "):
        kind(Block("p.md", 1, "yaml", text))


def test_lines_that_a_test_puts_in_their_place() -> None:
    block = Block("p.md", 1, "yaml", "  by_a: test\n", "lines of tests/pages/test_loaded.py")
    assert kind(block) == "lines"
    as_lines(block)
    for text, comment in (("  by_a:" + " tset\n", block.comment), (block.text, "lines of README.md")):
        with pytest.raises(NotLoaded):
            as_lines(Block("p.md", 1, "yaml", text, comment))


def test_parts_of_a_configuration(tmp_path: Path) -> None:
    as_filter("mode: shadow\n", tmp_path)
    as_filter("rules: [{name: mine, when: {signal: nsfw, at_least: 0.9}, action: reject}]\n", tmp_path)
    for wrong in (
        "rules: [{name: mine, when: {signal: none, at_least: 0.9}, action: reject}]\n",
        "rules: [{name: mine, when: {signal: nsfw, at_leats: 0.9}, action: reject}]\n",
        "mode: shadow\nmode: enforce\n",
        "limits: {max_files: many}\n",
    ):
        with pytest.raises(ConfigError):
            as_filter(wrong, tmp_path)


def test_parts_of_a_compose_file(tmp_path: Path) -> None:
    need_compose()
    merged = as_compose("services: {other: {networks: [pictrs-only]}}\n", tmp_path / "sound")
    assert {"lemmy", "pictrs-filter", "pictrs", "other"} <= set(merged["services"])
    for number, wrong in enumerate(
        ("services: {other: {networks: [nowhere]}}\n", "services: {lemmy: {enviroment: {}}}\n", "services: []\n")
    ):
        with pytest.raises(NotLoaded):
            as_compose(wrong, tmp_path / str(number))


def test_manifests(tmp_path: Path) -> None:
    good = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {filter.yaml: 'mode: MODE'}\n"
    as_kubernetes(good.replace("MODE", "shadow"), tmp_path)
    with pytest.raises(ConfigError):
        as_kubernetes(good.replace("MODE", "shadwo"), tmp_path)
    with pytest.raises(NotLoaded, match="a ConfigMap without a name"):
        as_kubernetes("apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n", tmp_path)
