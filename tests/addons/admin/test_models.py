"""`pictrs-filter models`: what is pinned, and pinning, in a folder and from a hub on this machine."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from addons.admin import models
from addons.admin.cli import main
from config import pinning, presets
from config.load import DEFAULT, load
from config.policy import ModelSpec
from model.errors import ModelError
from model.sources import WEIGHTS_FILE
from tests.hub import COMMIT, Hub, serve
from tests.running import repository
from tests.tinymodel import ABC, write_model

Captured = pytest.CaptureFixture[str]
SHA256 = "5" * 64
TEXT = """\
mode: shadow  # for now
models:
  nsfw:
    timm: hf-hub:someone/abc  # a comment
    labels: [a, b, c]
signals:
  x: {model: nsfw, label: a}
rules:
  - name: one   # my rule
    when: {signal: x, at_least: 0.5}
    action: reject
"""


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG", "LISTEN", "UPSTREAM", "MODE", "DEVICE"):
        monkeypatch.delenv(f"PICTRS_FILTER_{name}", raising=False)


def write(folder: Path, text: str = TEXT) -> Path:
    file = folder / "filter.yaml"
    file.write_text(text)
    return file


def found(spec: ModelSpec) -> dict[str, str]:
    return {} if spec.revision else {"revision": COMMIT, "sha256": SHA256}


def test_the_list_says_what_is_pinned(tmp_path: Path, capsys: Captured) -> None:
    assert main(["models"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "nsfw: open-nsfw",
        "  labels: sfw, nsfw",
        "  pinned: it ships with the program",
    ]
    file = write(tmp_path)
    assert main(["models", "--config", str(file)]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "  labels: a, b, c",
        "  not pinned: run `pictrs-filter models pin`",
    ]
    assert models.pin(load(file), found) == 0
    capsys.readouterr()
    assert main(["models", "--config", str(file)]) == 0
    assert f"  pinned: revision {COMMIT}, sha256 {SHA256}" in capsys.readouterr().out


def test_a_check_says_what_is_not_pinned(tmp_path: Path, capsys: Captured) -> None:
    file = write(tmp_path)
    assert main(["check", str(file)]) == 0
    note = f"note: nsfw: hf-hub:someone/abc without `revision:`: run `pictrs-filter models pin --config {file}`"
    assert note in capsys.readouterr().out
    assert models.pin(load(file), found) == 0
    capsys.readouterr()
    assert main(["check", str(file)]) == 0
    assert "without" not in capsys.readouterr().out


def test_pinning_adds_two_lines_and_nothing_else(tmp_path: Path, capsys: Captured) -> None:
    file = write(tmp_path)
    file.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(file)
    assert models.pin(load(link), found) == 0
    assert capsys.readouterr().out == f"nsfw: revision {COMMIT}, sha256 {SHA256}\n{link}: written\n"
    after = "    timm: hf-hub:someone/abc  # a comment\n"
    lines = f"    revision: '{COMMIT}'\n    sha256: '{SHA256}'\n"
    assert file.read_text() == TEXT.replace(after, after + lines)
    assert file.stat().st_mode & 0o777 == 0o640
    assert link.is_symlink()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["filter.yaml", "link.yaml"]
    before = file.stat().st_mtime_ns, file.stat().st_ino
    assert models.pin(load(file), found) == 0
    assert "nothing to pin" in capsys.readouterr().out
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == before


def test_what_cannot_be_pinned_is_not_changed(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path)

    def failing(_: ModelSpec) -> dict[str, str]:
        raise ModelError("the hub is not there")

    def meanwhile(spec: ModelSpec) -> dict[str, str]:
        file.write_text(TEXT.replace("0.5", "0.6"))
        return found(spec)

    def nonsense(_: ModelSpec) -> dict[str, str]:
        return {"revision": "main"}

    for pins, told in (
        (failing, "the hub is not there"),
        (nonsense, "it would not be sound any more: "),
        (meanwhile, "it would not say the same any more"),
    ):
        assert models.pin(load(file), pins) == 1
        said = capsys.readouterr().out
        assert said.startswith(told)
        assert said.endswith(f"{file} was not changed\n")
        assert "revision" not in file.read_text()
        assert list(tmp_path.iterdir()) == [file]

    def edited(data: bytes, keys: object) -> bytes:
        file.write_text(file.read_text() + "# edited\n")
        return pinning.with_keys(data, {"nsfw": {"revision": COMMIT, "sha256": SHA256}})

    monkeypatch.setattr(models, "with_keys", edited)
    assert models.pin(load(file), found) == 1
    assert "was changed meanwhile: run it again" in capsys.readouterr().out
    assert file.read_text().endswith("# edited\n")


def test_a_file_that_cannot_be_replaced(tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path)

    def busy(*_: object) -> None:
        raise OSError(16, "Device or resource busy")  # as for a single file that Docker mounts

    monkeypatch.setattr(os, "replace", busy)
    assert models.pin(load(file), found) == 1
    said = capsys.readouterr().out
    assert "it cannot be replaced: Device or resource busy; write it in yourself: models.nsfw: {'revision'" in said
    assert file.read_text() == TEXT
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("name", [name for name in presets.names() if name.startswith("hub-")])
def test_a_preset_is_to_be_copied_first_and_then_pinned(name: str, tmp_path: Path, capsys: Captured) -> None:
    shipped = presets.FOLDER / f"{name}.yaml"
    before = shipped.read_bytes()
    assert models.pin(load(Path(f"preset:{name}")), found) == 1
    assert f"`pictrs-filter presets show {name} > filter.yaml`" in capsys.readouterr().out
    assert shipped.read_bytes() == before
    file = write(tmp_path, presets.text(name))
    assert models.pin(load(file), found) == 0
    assert all(model.revision == COMMIT for model in load(file).policy.models.values())


def test_the_shipped_default_has_nothing_to_pin(capsys: Captured) -> None:
    before = DEFAULT.read_bytes()
    assert models.pin(load()) == 0
    assert "nothing to pin" in capsys.readouterr().out
    assert DEFAULT.read_bytes() == before


def test_from_a_hub_and_from_a_folder(tmp_path: Path) -> None:
    """In a process of its own, since the hub's address is read at import."""
    folder = write_model(tmp_path / "abc", config={"label_names": ABC})
    Hub.files = {f"someone/abc/{path.name}": path.read_bytes() for path in folder.iterdir()}
    Hub.repositories = {"someone/abc"}
    mine = write_model(tmp_path / "mine", classes=2, config={"label_names": ["d", "e"]})
    text = TEXT.replace(
        "signals:\n", f"  other: {{timm: 'local-dir:{mine}'}}\nsignals:\n  y: {{model: other, label: d}}\n"
    )
    text += "  - name: two\n    when: {signal: y, at_least: 0.5}\n    action: log\n"
    file = write(tmp_path, text)
    with serve() as address:
        hub = {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "0", "NO_PROXY": "*"}
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "addons.admin.cli", "models", "pin", "--config", str(file)],
            capture_output=True,
            text=True,
            cwd=repository(),
            env=os.environ | hub,
            timeout=300,
            check=False,
        )
    assert done.returncode == 0, done.stderr + done.stdout
    policy = load(file).policy
    remote, local = policy.models["nsfw"], policy.models["other"]
    assert remote.revision == COMMIT
    assert remote.sha256 == hashlib.sha256((folder / WEIGHTS_FILE).read_bytes()).hexdigest()
    assert local.revision is None
    assert local.sha256 == hashlib.sha256((mine / WEIGHTS_FILE).read_bytes()).hexdigest()
    assert "# a comment" in file.read_text()
