"""`pictrs-filter presets`: the configurations that are shipped, and each of them as a file to be changed."""

from __future__ import annotations

from config import presets


def listing() -> int:
    """Print one line for each. Gives the exit code."""
    width = max(map(len, presets.names()))
    for name in presets.names():
        print(f"{name:<{width}}  {presets.summary(name)}")
    return 0


def show(name: str) -> int:
    """Print a whole one, comments and all. Gives the exit code."""
    print(presets.text(name), end="")
    return 0
