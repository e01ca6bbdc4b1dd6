"""The sandbox tells the truth: what fails there is told, what is left running is ended."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import need_compose, need_namespace
from tests.pages.namespace import unshare
from tests.running import repository

pytestmark = pytest.mark.once  # it is a tool of test_pages.py


def test_codes_words_and_an_own_network(tmp_path: Path) -> None:
    need_namespace()
    need_compose()
    commands = [
        "pictrs-filter check filter.yaml",
        "pictrs-filter check nowhere.yaml",
        "pictrs-filter log show 0a1b2c3d",
        "pictrs-filter serve --config nowhere.yaml",
        "cat /proc/net/dev",
        "docker compose exec -T pictrs-filter pictrs-filter check /etc/pictrs-filter/filter.yaml",
        "docker compose config --services | sort",
        "docker compose up -d",
        "docker run --rm debian",
        "docker compose exec pictrs-filter cat /etc/passwd",
    ]
    done = subprocess.run(
        [*unshare(), sys.executable, "-m", "tests.pages.sandbox", str(tmp_path)],
        input=json.dumps([("a.md", command) for command in commands]),
        stdout=subprocess.PIPE,
        cwd=repository(),
        text=True,
        check=True,
    )
    results: list[dict[str, Any]] = json.loads(done.stdout)
    assert [result["code"] for result in results] == [0, 1, 0, 1, 0, 1, 0, 97, 97, 97]
    assert "cannot be read" in results[1]["said"]
    assert "0a1b2c3d" in results[2]["said"]
    assert " ready: " not in results[3]["said"]
    assert "a.md/filter/filter.yaml: cannot be read" in results[5]["said"]
    assert {"lemmy", "pictrs", "pictrs-filter"} <= set(results[6]["said"].split())
    assert [line.split(":")[0].strip() for line in results[4]["said"].splitlines()[2:]] == ["lo"]
