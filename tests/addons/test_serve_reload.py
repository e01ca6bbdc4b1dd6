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
from tests.tinymodel import write_model

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
        place = f"filter.yaml:{line_of('rejct', tmp_path)}"
        assert f"{place}: rules[0].action: must be log, reject or allow, not 'rejct'" in told
        assert upload(address, plain()).status == 400

        own_file(tmp_path, NEARLY_NOTHING)  # seen without a signal
        line_with("configuration in force", process)
        assert upload(address, plain()).status == 201

        # another model beside the one that is there, and then in its place
        folder = write_model(tmp_path / "other", config={"label_names": ["a", "b", "c"]})
        other = f"""
models: {{other: {{timm: 'local-dir:{folder}'}}}}
signals: {{a: {{model: other, label: a}}}}
rules: [{{name: two, when: {{signal: a, at_least: 0.000001}}, action: reject}}]
"""
        own_file(tmp_path, other.replace(str(folder), f"{folder}-none"))
        process.send_signal(signal.SIGHUP)
        place = f"filter.yaml:{line_of('models:', tmp_path)}"
        assert f"{place}: models.other: " in line_with("not taken up", process)
        assert upload(address, plain()).status == 201, "the model that cannot be had changes nothing"
        own_file(tmp_path, other)
        process.send_signal(signal.SIGHUP)
        statuses = set()
        while 400 not in statuses:  # while it is loaded, the old one judges
            statuses.add(upload(address, plain()).status)
        assert statuses <= {201, 400}
        line_with("configuration in force", process)
        assert upload(address, plain()).status == 400
        process.terminate()
        assert process.wait(30) == 0


def line_of(words: str, folder: Path) -> int:
    """The line of the configuration, from 1, that has these words."""
    lines = (folder / "filter.yaml").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if words in line)


def line_with(words: str, process: subprocess.Popen[str]) -> str:
    """Read the log up to a line with these words."""
    lines: Iterator[str] = iter(process.stdout or ())
    end = time.monotonic() + 60
    for line in lines:
        if words in line:
            return line
        assert time.monotonic() < end
    raise AssertionError(f"the log ended without {words!r}")
