"""The YAML of pages, loaded by what it is for: a configuration by the filter, a compose file by compose.

What a block is for is seen by its keys at the top; a block that is for nothing known is a fault. Fragments are loaded
as they are meant to be used: a part of a configuration upon the defaults, a part of a compose file upon Lemmy's own and
our override.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import yaml

from config.load import DEFAULT, load
from config.policy import PolicySpec
from config.settings import Settings
from tests.docker import composed
from tests.pages.markdown import Block
from tests.running import repository

KEYS: Final = frozenset(Settings.model_fields) | frozenset(PolicySpec.model_fields)
"""What a configuration has at its top."""
COMPOSE: Final = frozenset({"services", "networks", "volumes", "name", "include", "x-filter"})
LINES_OF: Final = "lines of "
LEMMY: Final = "0.19.20"
"""Whose file a part of a compose file is put upon, unless it says the rest itself."""
OF_EXAMPLES: Final = {"drawing": {"model": "nsfw", "label": "nsfw"}}
"""Signals that a part of a configuration speaks of and leaves to the reader."""


class NotLoaded(Exception):
    """The block is wrong, or nobody knows what it is for. The message says where and why."""


def kind(block: Block) -> str:
    """`filter`, `compose`, `kubernetes`; or `lines`, where a comment before the block says `lines of FILE`.

    Raises NotLoaded.
    """
    if block.comment.startswith(LINES_OF):
        return "lines"
    try:
        documents = [each for each in yaml.safe_load_all(block.text) if each is not None]
    except yaml.YAMLError as error:
        raise NotLoaded(f"{block.place}: {error}") from error
    if not documents or not all(isinstance(each, dict) for each in documents):
        raise NotLoaded(f"{block.place}: a mapping was expected")
    if all({"apiVersion", "kind"} <= set(each) for each in documents):
        return "kubernetes"
    if len(documents) == 1 and set(documents[0]) <= COMPOSE:
        return "compose"
    if len(documents) == 1 and set(documents[0]) <= KEYS:
        return "filter"
    raise NotLoaded(f"{block.place}: nobody knows what this YAML is for; its keys are {sorted(documents[0])}")


def as_lines(block: Block) -> None:
    """A part of a file that is none by itself: each of its lines stands in the test that puts it there, in this order.

    Raises NotLoaded.
    """
    path = block.comment.removeprefix(LINES_OF)
    if not path.startswith("tests/") or block.text.strip() not in (repository() / path).read_text("utf-8"):
        raise NotLoaded(f"{block.place}: not in {path}")


def as_filter(text: str, folder: Path) -> None:
    """Load a part of a configuration upon the defaults. Raises ConfigError with every problem."""
    given: dict[str, Any] = yaml.safe_load(text)
    whole = {**yaml.safe_load(DEFAULT.read_text("utf-8")), **given}
    if "signals" not in given:
        whole["signals"] |= {name: made for name, made in OF_EXAMPLES.items() if f"signal: {name}" in text}
    if "rules" in given and "models" not in given:  # further ones
        whole["rules"] = [*yaml.safe_load(DEFAULT.read_text("utf-8"))["rules"], *given["rules"]]
    alone, together = folder / "alone.yaml", folder / "together.yaml"
    together.write_text(yaml.safe_dump(whole, sort_keys=False), "utf-8")
    load(together, {})
    if {"models", "signals", "rules"} <= set(given) or not {"models", "signals", "rules", "lists"} & set(given):
        alone.write_text(text, "utf-8")  # as it stands, with what only our own reader refuses: a key twice, a tab
        load(alone, {})


def as_compose(text: str, folder: Path) -> dict[str, Any]:
    """What compose makes of a part of a compose file. Services that it adds get an image. Raises NotLoaded."""
    given: dict[str, Any] = yaml.safe_load(text)
    composed.project(folder, LEMMY)
    known = composed.config(folder, "-f", "docker-compose.yml", "-f", composed.OVERRIDE.name)
    (folder / "of-the-page.yml").write_text(text, "utf-8")
    new = {name for name in given.get("services") or {} if name not in known["services"]}
    (folder / "images.yml").write_text(json.dumps({"services": {name: {"image": "scratch"} for name in new}}), "utf-8")
    names = ("docker-compose.yml", composed.OVERRIDE.name, *(("images.yml",) if new else ()), "of-the-page.yml")
    done = composed.compose(folder, *(word for name in names for word in ("-f", name)), "config", "--format", "json")
    if done.returncode:
        raise NotLoaded(done.stderr)
    merged: dict[str, Any] = json.loads(done.stdout)
    return merged


def as_kubernetes(text: str, folder: Path) -> None:
    """Each manifest has a name, and configurations within a ConfigMap are sound. Raises NotLoaded or ConfigError."""
    for document in yaml.safe_load_all(text):
        if not document.get("metadata", {}).get("name"):
            raise NotLoaded(f"a {document['kind']} without a name")
        for name, content in (document.get("data") or {}).items():
            if document["kind"] == "ConfigMap" and name.endswith(".yaml"):
                as_filter(content, folder)
