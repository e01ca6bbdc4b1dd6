"""`pictrs-filter serve` with a file that is edited: by SIGHUP, and by being looked at."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from model.card import plain
from tests.addons.test_launcher import serve, wait_ready
from tests.http1 import upload
from tests.recorder import Recorder
from tests.served import own_file

RULE = """
models: {nsfw: {timm: open-nsfw}}
signals: {nsfw: {model: nsfw, label: nsfw}}
rules: [{name: one, when: {signal: nsfw, at_least: THRESHOLD}, action: reject}]
"""
EVERYTHING, NEARLY_NOTHING = RULE.replace("THRESHOLD", "0.000001"), RULE.replace("THRESHOLD", "0.99")


def test_an_edit_is_in_force_between_two_uploads_and_a_bad_one_is_not(recorder: Recorder, tmp_path: Path) -> None:
    own_file(tmp_path, NEARLY_NOTHING)
    with serve("--config", str(tmp_path / "filter.yaml"), "--upstream", recorder.url) as process:
        host, _, port = wait_ready(process)["listen"].rpartition(":")
        address = (host, int(port))
        assert upload(address, plain()).status == 201

        own_file(tmp_path, EVERYTHING)
        process.send_signal(signal.SIGHUP)
        assert "mode enforce, 1 rules" in line_with("configuration in force", process)
        assert upload(address, plain()).status == 400, "the file that was passed and remembered"

        own_file(tmp_path, NEARLY_NOTHING.replace("action: reject", "action: rejct"))
        process.send_signal(signal.SIGHUP)
        told = line_with("not taken up", process)
        assert "filter.yaml:7: rules[0].action: must be log, reject or allow, not 'rejct'" in told
        assert upload(address, plain()).status == 400

        own_file(tmp_path, NEARLY_NOTHING)  # seen without a signal
        line_with("configuration in force", process)
        assert upload(address, plain()).status == 201
        process.terminate()
        assert process.wait(30) == 0


def line_with(words: str, process: subprocess.Popen[str]) -> str:
    """Read the log up to a line with these words."""
    lines: Iterator[str] = iter(process.stdout or ())
    end = time.monotonic() + 60
    for line in lines:
        if words in line:
            return line
        assert time.monotonic() < end
    raise AssertionError(f"the log ended without {words!r}")
