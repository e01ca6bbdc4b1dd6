"""The wheel, installed with pipx as an administrator does, at work in a folder that has nothing to do with the project.

A whole install fetches 5.9 GB in 2 minutes, most of it torch, and was tried by hand. Here pipx finds all that the wheel
depends on in its environment already, so that pip resolves it all and fetches nothing: links to the packages of
the tests' environment, except the project itself. Its code can come from the wheel only: the tree that this was made of
is gone, and every file that the commands open is watched, so that one of the repository would be told.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from model.card import card, plain
from tests.ports import free_port
from tests.recorder import Recorder, pictrs_answer
from tests.release.built import Built
from tests.running import repository
from tests.served import own_file

pytestmark = (
    pytest.mark.once
)  # pipx and the wheel are the same on each Python; what the commands do is tested elsewhere

SECONDS = 120.0
WATCH = """
import os, sys
def opened(event, given):
    if event == "open" and isinstance(given[0], (str, bytes)):
        path = os.fsdecode(given[0])
        if path.startswith({repository!r}) and not path.startswith({packages!r}):
            told = os.open({told!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.write(told, path.encode() + b"\\n")
            os.close(told)
sys.addaudithook(opened)
"""
"""Runs at the start of every Python of that environment, the decoders' too."""
PYTHON = """#!/bin/sh
'{python}' "$@" || exit
case "$*" in *"-m venv"*)
    for last do :; done
    cp {files} "$last"/lib/python*/site-packages/
esac
"""
"""The Python that pipx makes its environment with: what is to be in there from the beginning is put in behind it."""


@dataclass(frozen=True)
class Installed:
    """The command, its environment's Python, the folder to run in, and where a file of the repository would be told."""

    program: Path
    python: Path
    foreign: Path
    told: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a shell of an administrator has: nothing of the tests'."""
        return {"PATH": "/usr/bin:/bin", "HOME": str(self.foreign), "OMP_NUM_THREADS": "1"}

    def run(self, *arguments: str, program: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(program or self.program), *arguments],
            cwd=self.foreign,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """pipx has installed the wheel, and only that."""
    folder = tmp_path_factory.mktemp("pipx")
    told = folder / "opened"
    watch = folder / "_watch.py"
    watch.write_text(WATCH.format(repository=f"{repository()}/", packages=f"{Path(sys.prefix)}/", told=str(told)))
    paths = folder / "of_the_tests.pth"
    paths.write_text(f"{others(folder / 'others')}\nimport _watch\n")
    python = folder / "python"
    python.write_text(PYTHON.format(python=sys.executable, files=f"'{watch}' '{paths}'"))
    python.chmod(0o755)
    places = {f"PIPX_{name}": str(folder / name.lower()) for name in ("HOME", "BIN_DIR", "MAN_DIR")}
    constraint = f"--pip-args=--constraint '{repository() / 'constraints.txt'}'"
    done = subprocess.run(
        [sys.executable, "-m", "pipx", "install", "--python", str(python), constraint, str(built.wheel)],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "PIPX_DEFAULT_BACKEND": "pip", **places},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    environment = folder / "home" / "venvs" / "pictrs-filter"
    (packages,) = (environment / "lib").glob("python*/site-packages")
    assert [path.name.partition("-")[0] for path in packages.glob("*.dist-info")] == ["pictrs_filter"]
    told.unlink()  # pip has read the constraints
    foreign = folder / "elsewhere"
    foreign.mkdir()
    return Installed(folder / "bin_dir" / "pictrs-filter", environment / "bin" / "python", foreign, told)


def others(folder: Path) -> Path:
    """Links to everything that is installed for the tests, but the project and pip."""
    folder.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if (
            not entry.name.startswith(("pictrs_filter", "__editable__", "__pycache__", "pip-", "pip."))
            and entry.name != "pip"
        ):
            (folder / entry.name).symlink_to(entry)
    return folder


def test_the_code_is_the_wheels(installed: Installed) -> None:
    code = "import addons, config, model; print(*(m.__file__ for m in (addons, config, model)), sep='\\n')"
    said = installed.run("-c", code, program=installed.python)
    assert said.returncode == 0, said.stderr
    (packages,) = (installed.python.parents[1] / "lib").glob("python*/site-packages")
    assert [Path(line).parents[1] for line in said.stdout.split()] == [packages] * 3
    nothing_of_the_repository(installed)


def test_the_watch_would_tell(installed: Installed) -> None:
    assert installed.run("-c", f"open({str(repository() / 'README.md')!r})", program=installed.python).returncode == 0
    assert installed.told.read_text().split() == [str(repository() / "README.md")]
    installed.told.unlink()


def test_commands_without_a_filter(installed: Installed) -> None:
    (installed.foreign / "photo.jpg").write_bytes(plain())
    (installed.foreign / "filter.yaml").write_text("mode: shadow\n")
    assert "sound" in said_by(installed, "check", "filter.yaml")
    assert "site-packages/config/default.yaml: sound" in said_by(installed, "check")
    assert re.search("(?m)^strict ", said_by(installed, "presets"))
    assert "mode: shadow" in said_by(installed, "presets", "show", "shadow")
    assert "open-nsfw" in said_by(installed, "models")
    said_by(installed, "selftest", "--write", "card.png")
    assert (installed.foreign / "card.png").read_bytes() == card()
    judged = said_by(installed, "classify", "photo.jpg", "card.png")
    assert re.search(r"photo\.jpg: pass", judged), judged
    assert "card.png: rejected by rule self-test-card" in judged
    nothing_of_the_repository(installed)


def test_serve_and_selftest(installed: Installed) -> None:
    url = f"http://127.0.0.1:{(port := free_port())}"
    own_file(installed.foreign)
    with (
        Recorder(pictrs_answer) as recorder,
        served(installed, "--config", "filter.yaml", "--upstream", recorder.url, "--listen", f"127.0.0.1:{port}"),
    ):
        said = said_by(installed, "selftest", "--url", url)
    assert "refused" in said, said
    assert (installed.foreign / "state").is_dir()
    nothing_of_the_repository(installed)


def said_by(installed: Installed, *arguments: str) -> str:
    """What the command prints; it must end with 0."""
    done = installed.run(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextlib.contextmanager
def served(installed: Installed, *options: str) -> Iterator[None]:
    """`serve` at work, from its ready line on; it must end well, and does so within `with`."""
    with subprocess.Popen(
        [str(installed.program), "serve", *options],
        cwd=installed.foreign,
        env=installed.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            heard = []
            for line in process.stdout or ():
                heard.append(line)
                if " ready: " in line:
                    break
            else:
                pytest.fail("".join(heard))
            yield
            process.terminate()
            assert process.wait(SECONDS) == 0
        finally:
            process.kill()


def nothing_of_the_repository(installed: Installed) -> None:
    assert not installed.told.exists(), installed.told.read_text()
