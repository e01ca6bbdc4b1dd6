"""The sandbox tells the truth: what fails there is told, what is left running is ended."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import need_namespace
from tests.pages.namespace import unshare
from tests.running import repository

pytestmark = pytest.mark.once  # it is a tool of test_pages.py


def test_codes_words_and_an_own_network(tmp_path: Path) -> None:
    need_namespace()
    commands = [
        "pictrs-filter check filter.yaml",
        "pictrs-filter check nowhere.yaml",
        "pictrs-filter log show 0a1b2c3d",
        "pictrs-filter serve --config nowhere.yaml",
        "cat /proc/net/dev",
    ]
    done = subprocess.run(
        [*unshare(), sys.executable, "-m", "tests.pages.sandbox", str(tmp_path)],
        input=json.dumps(commands),
        stdout=subprocess.PIPE,
        cwd=repository(),
        text=True,
        check=True,
    )
    results: list[dict[str, Any]] = json.loads(done.stdout)
    assert [result["code"] for result in results] == [0, 1, 0, 1, 0]
    assert "cannot be read" in results[1]["said"]
    assert "0a1b2c3d" in results[2]["said"]
    assert " ready: " not in results[3]["said"]
    assert [line.split(":")[0].strip() for line in results[4]["said"].splitlines()[2:]] == ["lo"]
