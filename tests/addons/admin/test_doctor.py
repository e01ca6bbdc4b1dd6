"""`pictrs-filter doctor` as a command: what is printed, in words and as JSON, and its exit codes."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from addons.admin.cli import main
from addons.admin.doctor import doctor, exit_code, read_compose
from addons.admin.doctor_grammar import OUTSIDE
from addons.admin.grammar import parser
from addons.doctor.checks import Check
from addons.doctor.compose.reading import ComposeError
from addons.doctor.finding import Finding, Severity
from addons.doctor.patient import Patient
from tests.addons.doctor.wards import Ward
from tests.ports import closed_address
from tests.running import repository

Captured = pytest.CaptureFixture[str]


def giving(*findings: Finding) -> Check:
    async def check(_: Patient) -> list[Finding]:
        return list(findings)

    return check


WELL = ("well", giving(Finding("well", Severity.OK, "all of it")))
NOTED = ("noted", giving(Finding("noted", Severity.NOTE, "not seen from here")))
WARNED = ("warned", giving(Finding("warned", Severity.WARNING, "slow", "it matters", "make it fast")))
WRONG = ("wrong", giving(Finding("wrong", Severity.ERROR, "open\x1b[2J", "it matters", "API_KEY=hunter2: close it")))
SILENT = ("silent", giving())


@pytest.mark.parametrize(
    ("checks", "code", "last"),
    [
        ((), 0, "sound: nothing is wrong"),
        ((WELL, SILENT), 0, "sound: nothing is wrong"),
        ((WELL, NOTED), 0, "sound: nothing is wrong, 1 note"),
        ((WARNED, NOTED, NOTED), 3, "1 warning, 2 notes: put right what stands first, and ask again"),
        ((WARNED, WRONG, WARNED), 1, "1 error, 2 warnings: put right what stands first, and ask again"),
    ],
)
async def test_the_worst_decides(
    tmp_path: Path, capsys: Captured, checks: tuple[tuple[str, Check], ...], code: int, last: str
) -> None:
    path = Ward(tmp_path, "http://127.0.0.1:1").path
    assert await doctor(path, outside="", checks=checks) == code
    assert capsys.readouterr().out.splitlines()[-1] == last
    assert await doctor(path, outside="", checks=checks, as_json=True) == code
    assert json.loads(capsys.readouterr().out)["exit_code"] == code


async def test_in_words(tmp_path: Path, capsys: Captured) -> None:
    path = Ward(tmp_path, "http://127.0.0.1:1").path
    await doctor(path, outside="", checks=(WELL, NOTED, WARNED, WRONG, SILENT))
    assert (
        capsys.readouterr().out
        == f"""\
looking at the set-up that {path} describes
  well                     ok       all of it
  noted                    note
  warned                   warning
  wrong                    ERROR
  silent                   -

ERROR wrong: open\\x1b[2J
  why   it matters
  cure  API_KEY=*** close it

warning warned: slow
  why   it matters
  cure  make it fast

note noted: not seen from here

1 error, 1 warning, 1 note: put right what stands first, and ask again
"""
    )


async def test_as_json(tmp_path: Path, capsys: Captured) -> None:
    path = Ward(tmp_path, "http://127.0.0.1:1").path
    await doctor(path, outside="", checks=(WELL, WARNED), as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "config": str(path),
        "findings": [
            {"check": "well", "severity": "ok", "what": "all of it", "why": "", "cure": ""},
            {
                "check": "warned",
                "severity": "warning",
                "what": "slow",
                "why": "it matters",
                "cure": "make it fast",
            },
        ],
        "worst": "warning",
        "exit_code": 3,
    }


@pytest.mark.parametrize("as_json", [True, False])
async def test_a_configuration_that_does_not_load(tmp_path: Path, capsys: Captured, as_json: bool) -> None:
    path = tmp_path / "filter.yaml"
    path.write_text("mode: enforce\nlimts: {}\nupstream: http://me:hunter2@pictrs:8080\n")
    assert await doctor(path, outside="", checks=(WELL,), as_json=as_json) == 1
    said = capsys.readouterr().out
    assert f"{path}:2: limts: is not a key that is known here" in said
    assert f"{path}:3: upstream: must be" in said
    assert "hunter2" not in said
    assert "all of it" not in said


def test_exit_codes() -> None:
    codes = [exit_code([Finding("c", severity, "w")]) for severity in Severity]
    assert codes == [0, 0, 3, 1]


# What is given on the command line


def test_the_command_itself(tmp_path: Path) -> None:
    """As a process of its own would be: nothing waits for a model, and nothing is asked of the outside."""
    with closed_address() as (host, port):
        path = Ward(tmp_path, f"http://{host}:{port}").path
        command = [sys.executable, "-m", "addons.admin.cli", "doctor", "--quick", "--json", "--config", str(path)]
        done = subprocess.run(command, cwd=repository(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    said = json.loads(done.stdout)
    assert said["worst"] == "error"
    assert "upstream" in {each["check"] for each in said["findings"]}


@pytest.mark.parametrize("value", ["example.com", "ftp://h/", "http://", "http://u:p@h/", "http://h/ä", "http://h/a b"])
def test_an_outside_that_is_no_address(capsys: Captured, value: str) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["doctor", "--outside", value])
    assert ended.value.code == 2
    assert "must be an http or https address" in capsys.readouterr().err


def test_what_is_meant() -> None:
    assert parser().parse_args(["doctor"]).outside == OUTSIDE
    assert parser().parse_args(["doctor", "--outside", ""]).outside == ""


COMPOSE = b'{"name": "lemmy", "services": {"pictrs": {}}}'


def test_compose_from_a_file_and_from_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "compose.json").write_bytes(COMPOSE)
    assert read_compose(str(tmp_path / "compose.json"))["services"] == {"pictrs": {}}
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(COMPOSE)))
    assert read_compose("-")["services"] == {"pictrs": {}}


@pytest.mark.parametrize("content", [b"", b"services: {}", b"[]", b'{"services": []}', b"[" * 100_000, b"\xff"])
def test_compose_that_is_something_else(tmp_path: Path, capsys: Captured, content: bytes) -> None:
    (tmp_path / "compose.json").write_bytes(content)
    with pytest.raises(ComposeError, match=r"compose\.json (is|has|holds) "):
        read_compose(str(tmp_path / "compose.json"))
    assert main(["doctor", "--compose", str(tmp_path / "compose.json")]) == 2
    assert capsys.readouterr().err.startswith("pictrs-filter doctor: --compose: ")


@pytest.mark.parametrize("name", ["", "no\0name", "/nowhere/at/all"])
def test_compose_that_cannot_be_read(name: str) -> None:
    with pytest.raises(ComposeError, match="cannot be read"):
        read_compose(name)
