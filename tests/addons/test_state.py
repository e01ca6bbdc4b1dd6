"""The key's file: made once for any number of processes, kept to one user, and never made a second time in silence."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from addons.fetch.seal import KEY_BYTES
from addons.state import KEY_NAME, StateError, load_key, read_key
from tests.running import repository


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_made_for_one_user_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        folder = tmp_path / "a" / "state"
        key = load_key(folder)
    finally:
        os.umask(old)
    assert len(key) == KEY_BYTES
    assert (mode(folder), mode(folder / KEY_NAME)) == (0o700, 0o600)
    assert [path.name for path in folder.iterdir()] == [KEY_NAME]  # no draft stays behind


def test_it_is_kept(tmp_path: Path) -> None:
    key = load_key(tmp_path / "state")
    assert load_key(tmp_path / "state") == key


def test_each_folder_has_its_own(tmp_path: Path) -> None:
    assert load_key(tmp_path / "one") != load_key(tmp_path / "two")


def test_a_folder_that_is_there_is_used_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    load_key(tmp_path)
    assert mode(tmp_path) == 0o755


def test_a_key_that_was_restored_is_taken(tmp_path: Path) -> None:
    path = tmp_path / KEY_NAME
    path.write_text("0A" * KEY_BYTES)  # no line break, and capitals
    path.chmod(0o400)
    assert load_key(tmp_path) == b"\n" * KEY_BYTES


LOAD = """
import sys
from pathlib import Path
from addons.state import load_key
print("ready", flush=True)
sys.stdin.readline()
print(load_key(Path(sys.argv[1])).hex())
"""


def test_processes_that_start_at_once_get_the_same_key(tmp_path: Path) -> None:
    for turn in range(5):
        folder = tmp_path / str(turn)
        started = [
            subprocess.Popen(
                [sys.executable, "-c", LOAD, str(folder)],
                cwd=repository(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(4)
        ]
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in started:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        keys = {process.communicate(timeout=60)[0] for process in started}
        assert keys == {load_key(folder).hex() + "\n"}


def test_it_may_be_in_the_users_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_key(Path("~/state")) == load_key(tmp_path / "state")


# What cannot be used


@pytest.mark.parametrize("bits", [0o777, 0o1777, 0o702])
def test_a_folder_that_everybody_may_write_to(tmp_path: Path, bits: int) -> None:
    """Whoever comes first would choose the key."""
    tmp_path.chmod(bits)
    for mine in (False, True):
        if mine:
            (tmp_path / KEY_NAME).write_text("00" * KEY_BYTES)
            (tmp_path / KEY_NAME).chmod(0o600)
        assert refused(tmp_path) == (
            f"every user may write to {tmp_path}: run chmod o-w {tmp_path}, or set another `state_dir:`"
        )


def test_a_user_without_a_home() -> None:
    """As in a container whose user is a mere number."""
    assert refused(Path("~no.such.user/state")) == (
        "the state folder ~no.such.user/state cannot be used: Could not determine home directory "
        "(set `state_dir:` to a folder that this user may write to, and that outlives a restart)"
    )


def refused(folder: Path) -> str:
    """Why a folder cannot be used; and what is in it must stay as it is."""
    before = contents(folder)
    with pytest.raises(StateError) as raised:
        load_key(folder)
    assert contents(folder) == before
    return str(raised.value)


def contents(folder: Path) -> dict[str, bytes | None]:
    if not folder.is_dir():
        return {}
    return {path.name: path.read_bytes() if path.is_file() else None for path in folder.iterdir()}


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o660, 0o610, 0o601, 0o644])
def test_a_key_that_others_can_use_is_refused_with_the_command(tmp_path: Path, bits: int) -> None:
    load_key(tmp_path)
    (tmp_path / KEY_NAME).chmod(bits)
    said = refused(tmp_path)
    path = tmp_path / KEY_NAME
    assert said == f"{path} can be read by other users (mode {bits:o}): run chmod 600 {path}"
    path.chmod(0o600)
    assert len(load_key(tmp_path)) == KEY_BYTES


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\n", id="a-line-break"),
        pytest.param(b"ab" * (KEY_BYTES - 1), id="too-short"),
        pytest.param(b"ab" * KEY_BYTES + b"c", id="half-a-byte-more"),
        pytest.param(b"ab" * (KEY_BYTES + 1), id="too-long"),
        pytest.param(b"xy" * KEY_BYTES, id="no-digits"),
        pytest.param(b"\xe4" * 2 * KEY_BYTES, id="not-ascii"),
    ],
)
def test_a_broken_key_is_not_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / KEY_NAME
    path.write_bytes(content)
    path.chmod(0o600)
    said = refused(tmp_path)
    assert said.startswith(f"{path} does not hold a key of 64 hex digits (restore it, or delete it: ")


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_text("x")
    said = refused(path)
    assert said.startswith(f"the state folder {path} cannot be used: File exists (set `state_dir:` to a folder that ")
    assert refused(path / "below").startswith(f"the state folder {path}/below cannot be used: Not a directory (set ")


def test_a_key_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / KEY_NAME).mkdir(mode=0o700)
    assert "cannot be used: Is a directory (set `state_dir:`" in refused(tmp_path)


def test_a_key_that_leads_nowhere(tmp_path: Path) -> None:
    """The disk that it lay on is not mounted, say: a key that is made now would be another one tomorrow."""
    (tmp_path / KEY_NAME).symlink_to(tmp_path / "elsewhere" / "key")
    assert "cannot be used: No such file or directory (set `state_dir:`" in refused(tmp_path)


ORDINARY_USER = 65534
AS_A_USER = """
import codecs, os, sys
from pathlib import Path
from addons.state import StateError, load_key, read_key
codecs.lookup("ascii")  # that user may not be able to read the library
if os.geteuid() == 0:
    os.setgid(int(sys.argv[2]))
    os.setuid(int(sys.argv[2]))
try:
    load_key(Path(sys.argv[1]))
except StateError as error:
    print(error)
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder of an ordinary user; root may read and write everything."""
    with tempfile.TemporaryDirectory() as made:
        if os.geteuid() == 0:
            os.chown(made, ORDINARY_USER, ORDINARY_USER)
        yield Path(made)


def as_its_user(folder: Path) -> str:
    """What that user hears."""
    done = subprocess.run(
        [sys.executable, "-c", AS_A_USER, str(folder), str(ORDINARY_USER)],
        cwd=repository(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout


def test_a_key_that_may_not_be_read(home: Path) -> None:
    assert as_its_user(home / "state") == ""
    path = home / "state" / KEY_NAME
    key = path.read_bytes()
    path.chmod(0)
    assert "cannot be used: Permission denied (set `state_dir:`" in as_its_user(home / "state")
    path.chmod(0o600)
    assert as_its_user(home / "state") == ""
    assert path.read_bytes() == key


def test_a_folder_that_may_not_be_written_to(home: Path) -> None:
    home.chmod(0o500)
    for folder in (home, home / "below"):
        assert f"the state folder {folder} cannot be used: Permission denied (set `state_dir:`" in as_its_user(folder)
    home.chmod(0o700)
    assert list(home.iterdir()) == []


# For who only looks


def test_a_key_is_read(tmp_path: Path) -> None:
    assert read_key(tmp_path / "state") is None
    assert not (tmp_path / "state").exists()
    key = load_key(tmp_path / "state")
    assert read_key(tmp_path / "state") == key


def test_what_is_wrong_with_a_key_is_said_to_who_reads_it(tmp_path: Path) -> None:
    load_key(tmp_path)
    (tmp_path / KEY_NAME).chmod(0o644)
    with pytest.raises(StateError, match="can be read by other users"):
        read_key(tmp_path)
    with pytest.raises(StateError, match="cannot be read: "):
        read_key(Path("~nobody-of-this-name/state"))
