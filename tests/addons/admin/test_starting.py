"""A judge for a command has the lists that a filter would have."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import pytest

from addons.admin.starting import start_judge
from addons.lists.shelf import ListError
from config.load import load
from model.card import plain
from tests.served import own_file

SHARED = """
models: {nsfw: {timm: open-nsfw}}
signals: {nsfw: {model: nsfw, label: nsfw}}
lists: {shared: {file: FILE}}
rules:
  - {name: known, when: {list: shared}, action: reject}
  - {name: explicit, when: {signal: nsfw, at_least: 0.85}, action: reject}
"""
SHA256 = hashlib.sha256(plain()).hexdigest()


async def test_what_is_on_a_list_is_judged_so(tmp_path: Path) -> None:
    shared = tmp_path / "shared.txt"
    shared.write_text(f"{SHA256}  # seen elsewhere\n")
    config = load(own_file(tmp_path, SHARED.replace("FILE", str(shared))), {})
    judge = await start_judge(config)
    try:
        found = await judge.judge(plain(), time.monotonic() + 60)
        assert (found.rule, found.detail) == ("known", "on the list shared (sha256: seen elsewhere)")
        assert (found.policy, found.mode) == (config.hash, "enforce")
    finally:
        await judge.close()

    own = tmp_path / "state" / "lists"
    own.mkdir(parents=True)
    (own / "allow.txt").write_text(f"{SHA256}  # mine\n")
    judge = await start_judge(config)
    try:
        found = await judge.judge(plain(), time.monotonic() + 60)
        assert (found.rule, found.note) == ("allow", "mine")
    finally:
        await judge.close()


async def test_a_list_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ListError, match="there is no such file"):
        await start_judge(load(own_file(tmp_path, SHARED.replace("FILE", f"{tmp_path}/none.txt")), {}))
