"""A release, made of a clean copy of the working tree: what git knows and what it would, nothing that it ignores."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.running import repository


@dataclass(frozen=True)
class Built:
    """The two archives, and the paths of all files that they were made of, relative to the tree's root."""

    wheel: Path
    sdist: Path
    files: frozenset[str]


def build(folder: Path) -> Built:
    """Build both in `folder`: the wheel is made of the sdist. pip fetches setuptools for it, as for everybody."""
    files = tracked()
    tree = folder / "tree"
    for name in files:
        target = tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(repository() / name, target)
    out = folder / "dist"
    command = [sys.executable, "-m", "build", "--outdir", str(out), str(tree)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.rmtree(tree)  # so that nothing of it can be what is found in the end
    (wheel,) = out.glob("*.whl")
    (sdist,) = out.glob("*.tar.gz")
    return Built(wheel, sdist, files)


def tracked() -> frozenset[str]:
    """Every file of the working tree that git tracks, or would: `*.pyc` and the like are not among them."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    said = subprocess.run(command, cwd=repository(), capture_output=True, text=True, check=True)
    return frozenset(name for name in said.stdout.split("\0") if name and (repository() / name).is_file())
