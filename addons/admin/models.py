"""`pictrs-filter models`: which models the policy has and what holds them, and `models pin`: hold them.

The configuration is replaced as a whole or not at all: a draft beside it is loaded and compared first.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from config import presets
from config.consistency import OPEN_NSFW, OPEN_NSFW_LABELS
from config.load import DEFAULT, Config, ConfigError, load
from config.pinning import PinningError, with_keys
from config.policy import ModelSpec
from model.errors import ModelError

Pins = Callable[[ModelSpec], dict[str, str]]


class ModelsError(Exception):
    """A configuration that is not changed; the message has the way out."""


def listing(config: Config) -> int:
    """Print each model: its name, where it comes from, its labels, what holds it. Gives the exit code."""
    for name, spec in config.policy.models.items():
        own = OPEN_NSFW_LABELS if spec.timm == OPEN_NSFW else spec.labels
        print(f"{name}: {spec.timm}")
        print(f"  labels: {', '.join(own) if own else 'its own, told when it is loaded'}")
        print(f"  {_held(spec)}")
    return 0


def _held(spec: ModelSpec) -> str:
    if spec.timm == OPEN_NSFW:
        return "pinned: it ships with the program"
    held = [f"{key} {value}" for key in ("revision", "sha256") if (value := getattr(spec, key))]
    if not held or spec.unpinned:
        return f"not pinned{f' ({held[0]})' if held else ''}: run `pictrs-filter models pin`"
    return f"pinned: {', '.join(held)}"


def pin(config: Config, pins: Pins | None = None) -> int:
    """Write the revision and the SHA-256 of each model's weights into the configuration. Gives the exit code.

    `pins` finds out what is missing; by default model.pins.pins.
    """
    try:
        find = pins or _pins()
        found = {name: find(spec) for name, spec in config.policy.models.items()}
        missing = {name: keys for name, keys in found.items() if keys}
        if missing:
            _replace(config, missing)
    except (ModelError, PinningError, ModelsError) as error:
        print(f"{error}\n{config.path} was not changed")
        return 1
    for name, keys in missing.items():
        print(f"{name}: {', '.join(f'{key} {value}' for key, value in keys.items())}")
    print(f"{config.path}: {'written' if missing else 'nothing to pin, it stays as it is'}")
    return 0


def _pins() -> Pins:
    from model.pins import pins  # imports torch, which takes seconds

    return pins


def _replace(config: Config, missing: Mapping[str, Mapping[str, str]]) -> None:
    path = config.path.resolve()  # a link stays one
    if path.parent == presets.FOLDER.resolve() or path == DEFAULT.resolve():
        way = f"`pictrs-filter presets show {path.stem} > filter.yaml`" if path != DEFAULT.resolve() else "copy it"
        raise ModelsError(f"{config.path} belongs to the program: {way}, and name the copy with --config")
    old = path.read_bytes()
    new = with_keys(old, missing)
    draft = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        with draft.open("xb") as file:
            shutil.copystat(path, draft)
            file.write(new)
            file.flush()
            os.fsync(file.fileno())
        _compare(config, draft, missing)
        if path.read_bytes() != old:
            raise ModelsError(f"{config.path} was changed meanwhile: run it again")
        os.replace(draft, path)
    except OSError as error:
        lines = "; ".join(f"models.{name}: {dict(keys)}" for name, keys in missing.items())
        raise ModelsError(f"it cannot be replaced: {error.strerror}; write it in yourself: {lines}") from error
    finally:
        draft.unlink(missing_ok=True)


def _compare(config: Config, draft: Path, missing: Mapping[str, Mapping[str, str]]) -> None:
    """Raise ModelsError unless the draft says what `config` says, and the new keys."""
    try:
        found = load(draft)
    except ConfigError as error:
        raise ModelsError(f"it would not be sound any more: {error.problems[0]}") from error
    models = {name: spec.model_copy(update=dict(missing.get(name, {}))) for name, spec in config.policy.models.items()}
    if (found.settings, found.policy) != (config.settings, config.policy.model_copy(update={"models": models})):
        raise ModelsError("it would not say the same any more: write the keys in yourself")
