"""The files with secrets: sound, missing, too short, open to others. What they hold is never told."""

from __future__ import annotations

from pathlib import Path

import pytest

from addons.doctor.credentials import token, webhook
from addons.doctor.finding import Severity
from tests.addons.doctor.patients import AS_NOBODY, elsewhere, open_folder, patient, root, worst, write

SECRET = "0123456789abcdef-secret"


def secret(folder: Path, text: str = SECRET, mode: int = 0o600) -> Path:
    path = folder / "secret"
    path.write_text(text)
    path.chmod(mode)
    return path


async def test_nothing_to_look_at(tmp_path: Path) -> None:
    assert await token(patient(tmp_path)) == []
    assert await webhook(patient(tmp_path)) == []


async def test_sound_ones(tmp_path: Path) -> None:
    path = secret(tmp_path)
    text = f"admin: {{token_file: {path}}}\nnotify: {{url: 'https://example.org/h', secret_file: {path}}}\n"
    found = [*await token(patient(tmp_path, text)), *await webhook(patient(tmp_path, text))]
    assert [each.severity for each in found] == [Severity.OK, Severity.OK]
    assert SECRET not in str(found)


@pytest.mark.parametrize(
    ("text", "mode", "says", "cure"),
    [("short", 0o600, "16 or more", "openssl rand"), (SECRET, 0o644, "every user can use", "chmod 600")],
)
async def test_a_token_with_which_no_filter_starts(tmp_path: Path, text: str, mode: int, says: str, cure: str) -> None:
    path = secret(tmp_path, text, mode)
    found = await token(patient(tmp_path, f"admin:\n  token_file: {path}\n"))
    assert worst(found) is Severity.ERROR
    assert f"{tmp_path}/filter.yaml:2: " in found[0].what
    assert says in found[0].what
    assert cure in found[0].cure
    assert text not in str(found) or text == "short"


async def test_a_token_that_is_of_no_use(tmp_path: Path) -> None:
    text = f"admin: {{listen: off, token_file: {secret(tmp_path)}}}\n"
    assert worst(await token(patient(tmp_path, text))) is Severity.NOTE


@pytest.mark.parametrize(
    ("text", "mode", "severity", "says"),
    [
        ("short", 0o600, Severity.ERROR, "less than 16 bytes"),
        (None, 0, Severity.ERROR, "cannot be read"),
        (SECRET, 0o644, Severity.WARNING, "every user of this machine"),
    ],
)
async def test_a_secret(tmp_path: Path, text: str | None, mode: int, severity: Severity, says: str) -> None:
    path = secret(tmp_path, text, mode) if text is not None else tmp_path / "none"
    given = f"notify:\n  url: https://example.org/h\n  secret_file: {path}\n"
    found = await webhook(patient(tmp_path, given))
    assert worst(found) is severity
    assert f"{tmp_path}/filter.yaml:3: " in found[0].what
    assert says in found[0].what
    assert SECRET not in str(found)


async def test_without_a_secret(tmp_path: Path) -> None:
    found = await webhook(patient(tmp_path, "notify: {url: 'https://example.org/h/very-secret'}\n"))
    assert worst(found) is Severity.NOTE
    assert "very-secret" not in str(found)


@root
def test_files_of_another_user() -> None:
    with open_folder() as folder:
        path = secret(folder)
        text = f"admin: {{token_file: {path}}}\nnotify: {{url: 'https://example.org/h', secret_file: {path}}}\n"
        config = write(folder, text)
        for check in ("credentials.token", "credentials.webhook"):
            (found,) = elsewhere(check, config, AS_NOBODY)
            assert found.severity is Severity.ERROR
            assert "cannot be read: Permission denied" in found.what
