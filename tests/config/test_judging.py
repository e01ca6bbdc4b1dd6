"""What names the rules by which a picture passed: another name when they change, and only then.

pict-rs hands it back with what it has (addons/fetch/seal.py), and what passed under another name is judged again.
"""

from __future__ import annotations

import re

import pytest

from config.load import load
from tests.config.files import POLICY, Write


def judging(write: Write, text: str) -> str:
    return load(write(text), {}).judging


def test_is_sha_256_in_hex_and_not_the_policys_own() -> None:
    config = load(None, {})
    assert re.fullmatch("[0-9a-f]{64}", config.judging)
    assert config.judging != config.hash


@pytest.mark.parametrize(
    "same",
    [
        "# comment\n" + POLICY,
        POLICY + "limits: {max_files: 10}\nmode: enforce\n",
        POLICY + "listen: 127.0.0.1:1\nupstream: http://a:1\ndevice: cpu\nlog_level: debug\nstate_dir: /s\n",
        POLICY + "deadline_seconds: 5\ncache: {verdicts: 0}\nfetch: {max_redirects: 0}\ninternal_api: []\n",
        POLICY + "overload: {media_requests: 1}\ncallback: {url: http://a:1}\n",
        POLICY + "decoder: {processes: 1, confinement: best_effort}\n",
    ],
)
def test_stays(write: Write, same: str) -> None:
    expected = judging(write, POLICY)
    assert judging(write, same) == expected


@pytest.mark.parametrize(
    "other",
    [
        POLICY.replace("0.85", "0.86"),
        POLICY.replace("open-nsfw", "resnet50"),
        POLICY + "mode: shadow\n",
        POLICY + "normalise: true\n",
        POLICY + "limits: {max_frames: 899}\n",
        POLICY + "views: {tiles: false}\n",
        POLICY + "failure: {decoder: pass}\n",
    ],
)
def test_changes(write: Write, other: str) -> None:
    first = judging(write, POLICY)
    assert judging(write, other) != first
