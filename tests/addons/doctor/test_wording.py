"""The line to change, where it stands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from addons.doctor.wording import line
from config.load import DEFAULT
from tests.addons.doctor.wards import Ward


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UPSTREAM", "CALLBACK_URL"):
        monkeypatch.delenv(f"PICTRS_FILTER_{name}", raising=False)


def test_in_the_file(tmp_path: Path) -> None:
    ward = Ward(tmp_path, "http://127.0.0.1:1")
    assert line(ward.config, "upstream", "http://p:1") == f"`upstream: http://p:1` in {ward.path}"
    assert line(ward.config, "callback.url", "http://f:1") == f"`callback: {{url: http://f:1}}` in {ward.path}"
    assert line(ward.config, "views.budget", "50") == f"`views: {{budget: 50}}` in {ward.path}"


def test_in_the_environment_where_that_has_the_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICTRS_FILTER_UPSTREAM", "http://other:1")
    config = Ward(tmp_path, "http://127.0.0.1:1").config
    assert line(config, "upstream", "http://p:1") == "PICTRS_FILTER_UPSTREAM=http://p:1 in the filter's environment"
    assert line(config, "callback.url", "http://f:1").startswith("`callback: ")


def test_without_a_file_of_his_own(tmp_path: Path) -> None:
    config = replace(Ward(tmp_path, "http://127.0.0.1:1").config, path=DEFAULT)
    assert line(config, "callback.url", "u") == "PICTRS_FILTER_CALLBACK_URL=u in the filter's environment"
    assert line(config, "views.budget", "50") == "`views: {budget: 50}` in a configuration file of your own (--config)"
