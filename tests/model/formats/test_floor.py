from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import model.formats

ROOMS = sorted(Path(str(model.formats.__file__)).parent.glob("*.py"))
BELOW = ("model.formats", "model.errors")


def imports(source: str) -> Iterator[str]:
    """The modules that a file imports from model; one that is imported out of the package by its name counts too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative"
            whole = str(node.module)
            names = [f"{whole}.{each.name}" for each in node.names] if whole == "model" else [whole]
        else:
            continue
        yield from (name for name in names if name == "model" or name.startswith("model."))


def above(source: str) -> list[str]:
    return [name for name in imports(source) if not any(f"{name}.".startswith(f"{below}.") for below in BELOW)]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.stem)
def test_formats_knows_nothing_of_model_but_its_errors(room: Path) -> None:
    assert above(room.read_text(encoding="utf-8")) == []


def test_there_are_rooms() -> None:
    assert {"media", "structure", "mp4"} <= {room.stem for room in ROOMS}


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("from model.frames import pictures", ["model.frames"]),
        ("from model import frames", ["model.frames"]),
        ("import model.frames", ["model.frames"]),
        ("import model", ["model"]),
        ("from model.errors_of_others import one", ["model.errors_of_others"]),
        ("def late():\n    from model.judge import Judge", ["model.judge"]),
        ("from model.errors import Undecodable", []),
        ("from model.formats.boxes import boxes", []),
        ("from model import errors", []),
        ("import struct", []),
    ],
)
def test_what_would_reach_up(line: str, names: list[str]) -> None:
    assert above(line) == names
