"""`pictrs-filter explain`: what it prints, and that it looks at everything."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from addons.admin.explain import explain
from config.load import Config, load
from config.policy import Origin
from model.card import card, plain
from model.errors import ModelError
from model.verdict import Verdict
from tests.running import config

Captured = pytest.CaptureFixture[str]
RULES = """
models:
  nsfw: {timm: open-nsfw}
signals:
  nsfw: {model: nsfw, label: nsfw}
rules:
  - name: high
    when: {signal: nsfw, at_least: 0.85}
  - name: explicit
    when: {all: [{rule: high}, {none: [{signal: nsfw, at_least: 0.99}]}]}
    action: reject
  - name: elsewhere
    when: {signal: nsfw, at_least: 0.5}
    sources: [proxy]
    shadow: true
    action: reject
"""


@pytest.fixture
def settings(tmp_path: Path) -> Config:
    file = tmp_path / "filter.yaml"
    file.write_text(f"state_dir: {tmp_path}\n{RULES}")
    return load(file, {})


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    file = tmp_path / "plain.jpg"
    file.write_bytes(plain())
    return file


def test_with_the_real_model(settings: Config, picture: Path, capsys: Captured) -> None:
    assert asyncio.run(explain(settings, str(picture), origin="upload")) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0] == f"{picture}: passes, no rule fires"
    assert lines[1].split() == ["signal", "whole", "part"]
    name, whole, part = lines[2].split()
    assert name == "nsfw"
    assert 0 < float(whole) < 0.1 > float(part) > 0
    heads = [line for line in lines if line.startswith("  rule ")]
    assert heads[0].startswith("  rule high (only a name): no (nearest is view ")
    assert heads[1].startswith("  rule explicit (reject): no (nearest is view ")
    assert heads[2].startswith("  rule elsewhere (reject, in shadow mode, does not count here): no (nearest is view ")
    tree = [line.rstrip() for line in lines[lines.index(heads[1]) + 1 : lines.index(heads[2])]]
    assert [line.split("nsfw")[0] for line in tree] == [
        "    no  all of:",
        "      no  rule high:",
        "        no  ",
        "      yes none of:",
        "        no  ",
    ]
    assert said.err.startswith("loading open-nsfw")


def test_json(settings: Config, picture: Path, capsys: Captured) -> None:
    assert asyncio.run(explain(settings, str(picture), as_json=True)) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["outcome"], found["rule"], len(found["views"])) == ("pass", None, 13)
    assert [(one["rule"], one["counts"], one["tree"]["holds"]) for one in found["rules"]] == [
        ("high", False, False),
        ("explicit", True, False),
        ("elsewhere", True, False),
    ]


def test_what_is_settled_unread_has_no_tree(settings: Config, tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "card.png"
    file.write_bytes(card())
    assert asyncio.run(explain(settings, str(file))) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{file}: rejected by rule self-test-card",
        "  no model has looked at it",
    ]


class Told:
    """A judge that cannot have a new file made."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict, self.closed = verdict, False

    async def explain(self, data: bytes, deadline: float, origin: Origin | None = None) -> tuple[Verdict, Any]:
        raise AssertionError

    async def normalised(self, data: bytes, deadline: float) -> Verdict:
        return self.verdict

    async def close(self) -> None:
        self.closed = True


def test_what_cannot_be_encoded_anew(picture: Path, capsys: Captured) -> None:
    from model.verdict import Outcome

    judge = Told(Verdict(Outcome.REJECT, Outcome.REJECT, "undecodable", "undecodable", "0" * 64, 9, detail="broken"))

    async def start(_: Config) -> Told:
        return judge

    assert asyncio.run(explain(config(("127.0.0.1", 9)), str(picture), start_judge=start)) == 0
    assert "refused, could not be judged: broken" in capsys.readouterr().out
    assert judge.closed


def test_what_cannot_be_read_and_what_cannot_be_loaded(tmp_path: Path, picture: Path, capsys: Captured) -> None:
    assert asyncio.run(explain(config(("127.0.0.1", 9)), str(tmp_path / "none.jpg"))) == 1
    assert "cannot be read: No such file" in capsys.readouterr().err

    async def start(_: Config) -> Told:
        raise ModelError("no such model")

    assert asyncio.run(explain(config(("127.0.0.1", 9)), str(picture), start_judge=start)) == 1
    assert "pictrs-filter: no such model" in capsys.readouterr().err


def test_as_a_command(settings: Config, picture: Path) -> None:
    command = [sys.executable, "-m", "addons.admin.cli", "explain", "--config", str(settings.path)]
    done = subprocess.run([*command, "--source", "proxy", str(picture)], capture_output=True, text=True, check=True)
    assert "rule elsewhere (reject, in shadow mode): no" in done.stdout
    wrong = subprocess.run([*command, "--source", "mail", str(picture)], capture_output=True, text=True, check=False)
    assert (wrong.returncode, "invalid choice: 'mail'" in wrong.stderr) == (2, True)
