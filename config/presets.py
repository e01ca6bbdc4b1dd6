"""Configurations that are shipped beside default.yaml, by name: `preset:NAME` stands where a file may be named.

They are files like any other (presets/*.yaml), to be copied and changed. Each begins with `# NAME: what it is`.
"""

from __future__ import annotations

from pathlib import Path

from config.problems import ConfigError, Problem, did_you_mean

PREFIX = "preset:"
FOLDER = Path(__file__).with_name("presets")


def names() -> list[str]:
    """Every preset's name, in order."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def resolve(path: Path) -> Path:
    """The file that `path` means: the shipped one where it is `preset:NAME`, else itself.

    Raises ConfigError for a preset that there is not.
    """
    text = str(path)
    if not text.startswith(PREFIX):
        return path
    name = text.removeprefix(PREFIX)
    if name not in names():
        hint = f"{did_you_mean(name, names())}; `pictrs-filter presets` lists them"
        raise ConfigError([Problem(text, None, "", "is not a preset that is shipped", hint)])
    return FOLDER / f"{name}.yaml"


def text(name: str) -> str:
    """The whole file of a preset that there is."""
    return (FOLDER / f"{name}.yaml").read_text("utf-8")


def summary(name: str) -> str:
    """What a preset that there is is for, in one line."""
    return text(name).partition("\n")[0].removeprefix(f"# {name}: ")
