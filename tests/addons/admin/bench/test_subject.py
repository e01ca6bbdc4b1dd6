"""The filter that is measured: with the administrator's settings, but beside what runs here, and gone afterwards."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from addons.admin.bench.subject import Subject, SubjectError, settings_for, write
from addons.pictrs.client import PictrsClient
from config.load import Config, load
from config.policy import PolicySpec
from config.settings import Settings
from tests.tinymodel import write_model

UPSTREAM = "http://127.0.0.1:9"


def tiny(folder: Path, **settings: Any) -> Config:
    """A configuration with a tiny model in `folder`."""
    loaded = load(env={})
    policy = {
        "models": {"tiny": {"timm": f"local-dir:{folder}", "labels": ["a", "b", "c"]}},
        "signals": {"ab": {"model": "tiny", "sum_labels": ["a", "b"]}},
        "rules": [
            {"name": "never", "when": {"signal": "ab", "at_least": 1.0}, "action": "reject"},
            {"name": "middle", "when": {"signal": "ab", "above": 0.2, "below": 0.9}, "action": "log"},
        ],
    }
    return replace(
        loaded,
        settings=Settings.model_validate({**loaded.settings.model_dump(), **settings}),
        policy=PolicySpec.model_validate(policy),
    )


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    """Every setting and the policy get there; and the environment of the parent was in them already."""
    given = tiny(
        tmp_path,
        deadline_seconds=3.5,
        mode="shadow",
        normalise=True,
        decoder={"processes": 1, "confinement": "best_effort"},
        views={"tiles": False},
        failure={"deadline": "pass"},
        fetch={"allow_networks": ["127.0.0.0/8"], "ports": [80, 8080]},
    )
    write(given, tmp_path / "filter.yaml")
    found = load(tmp_path / "filter.yaml", env={})
    assert found.settings == given.settings
    assert found.policy == given.policy
    write(load(env={}), tmp_path / "again.yaml")
    assert load(tmp_path / "again.yaml", env={}).judging == load(env={}).judging


def test_what_is_not_the_administrators(tmp_path: Path) -> None:
    given = load(env={})
    measured = settings_for(given, UPSTREAM, tmp_path)
    ours = ("upstream", "listen", "callback", "admin", "state_dir", "cache", "log_level")
    assert measured.settings.model_dump(exclude={*ours}) == given.settings.model_dump(exclude={*ours})
    assert measured.settings.cache.verdicts == 0
    assert measured.settings.admin.address is None
    assert measured.settings.listen == measured.settings.callback.listen == "127.0.0.1:0"
    assert measured.settings.state_dir.startswith(str(tmp_path))
    assert measured.policy == given.policy


async def test_it_answers_and_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICTRS_FILTER_DEVICE", "cuda:99")  # what the parent was told is in its configuration
    async with Subject(tiny(write_model(tmp_path / "tiny")), UPSTREAM) as subject:
        assert subject.device in ("cpu, torch", "cpu, onnxruntime")
        subject.check()
        async with PictrsClient(subject.url) as client:
            assert (await client.upload(b"no picture", "image/jpeg")).status == 400
        pid = subject.pid
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_one_that_ends_meanwhile_is_told(tmp_path: Path) -> None:
    async with Subject(tiny(write_model(tmp_path / "tiny")), UPSTREAM) as subject:
        os.kill(subject.pid, signal.SIGKILL)
        await subject.ended()
        with pytest.raises(SubjectError, match="the filter has ended: it said nothing"):
            subject.check()


async def test_one_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(SubjectError, match=r"the filter could not be started: local-dir:.* there is no config\.json"):
        async with Subject(tiny(tmp_path), UPSTREAM):
            pytest.fail("it started")
