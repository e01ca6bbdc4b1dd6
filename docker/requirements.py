"""What pip installs into an image, and at which versions: wanted.txt and pinned.txt, from the files beside this one.

    python3 requirements.py [--torch-of-the-system]

With that option torch and torchvision are those that the system's Python has already: they are pinned as they are, and
nothing of CUDA is named. Run by the Dockerfile, with nothing but the standard library.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

OF_THE_SYSTEM = ("torch", "torchvision")
NOT_ON_A_CPU = re.compile(r"(torch|torchvision|triton|sympy|cuda-[a-z]+|nvidia-[a-z0-9-]+)==")
"""Lines of constraints.txt: torch, what its CUDA wheel needs, and what each torch wants in one version of its own."""


def wanted(pyproject: str) -> list[str]:
    """The project's own dependencies, as pyproject.toml has them."""
    found: list[str] = tomllib.loads(pyproject)["project"]["dependencies"]
    return found


def without_cuda(constraints: Iterable[str]) -> list[str]:
    """The lines of constraints.txt that hold where torch comes from elsewhere."""
    return [line for line in constraints if not NOT_ON_A_CPU.match(line)]


def main(arguments: list[str]) -> None:
    """Write both files into the current folder."""
    pinned = Path("constraints.txt").read_text("utf-8").splitlines()
    if arguments == ["--torch-of-the-system"]:
        pinned = [*without_cuda(pinned), *(f"{name}=={version(name)}" for name in OF_THE_SYSTEM)]
    Path("pinned.txt").write_text("\n".join(pinned) + "\n", "utf-8")
    Path("wanted.txt").write_text("\n".join(wanted(Path("pyproject.toml").read_text("utf-8"))) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
