"""A set-up for the doctor to look at: a configuration file, with free ports and a key that go with the test."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from addons.admin.doctor import doctor
from addons.doctor.checks import CHECKS
from addons.doctor.patient import Patient
from addons.state import load_key
from config.load import Config, load
from tests.ports import free_port

OF_THE_NETWORK = (
    *("upstream", "name-clash", "past-the-filter", "way-out"),
    *("callback", "old-validator", "lemmy-time"),
)
NETWORK = tuple((name, check) for name, check in CHECKS if name in OF_THE_NETWORK)


@dataclass(frozen=True)
class Told:
    """What `doctor --json` said: its exit code, and its findings."""

    code: int
    findings: list[dict[str, str]]

    def of(self, check: str) -> dict[str, str]:
        """The one finding of a check."""
        (found,) = (finding for finding in self.findings if finding["check"] == check)
        return found

    def wrong(self) -> list[tuple[str, str]]:
        """(check, severity) of what is worse than a note."""
        return [(each["check"], each["severity"]) for each in self.findings if each["severity"] in ("warning", "error")]


class Ward:
    """A configuration before `upstream`, in `folder`. `more` is YAML on top. Its key is made, unless told."""

    def __init__(self, folder: Path, upstream: str, more: str = "", *, callback: str = "", key: bool = True) -> None:
        self.listen, self.calls = (f"127.0.0.1:{free_port()}" for _ in range(2))
        self.path = folder / "filter.yaml"
        self.path.write_text(
            f"upstream: {upstream}\nlisten: {self.listen}\nadmin: {{listen: off}}\nstate_dir: '{folder}/state'\n"
            f"callback: {{listen: {self.calls}{callback}}}\n{more}"
        )
        if key:
            load_key(folder / "state")

    @property
    def config(self) -> Config:
        """It, loaded."""
        return load(self.path, env={})

    def patient(self, **given: Any) -> Patient:
        """As checks get it."""
        return Patient(self.config, **given)

    async def doctor(self, capsys: pytest.CaptureFixture[str], outside: str = "", *, quick: bool = False) -> Told:
        """What the command says of it, with the checks of the network."""
        capsys.readouterr()
        code = await doctor(self.path, outside=outside, quick=quick, as_json=True, checks=NETWORK)
        said = json.loads(capsys.readouterr().out)
        assert said["exit_code"] == code
        return Told(code, said["findings"])
