"""From a name in the policy to a network with its weights in it.

    open-nsfw                 embedded (model/opennsfw.py), no internet needed
    local-dir:/path           config.json and model.safetensors in a folder, no internet needed
    hf-hub:owner/name         the same two files, of one commit, from the Hugging Face hub or its local cache
    any timm model name       timm's own weights, from the hub or its local cache

Weights are read from safetensors files only, never from a pickle, which can run code. This file finds that one file,
compares its SHA-256 with the policy's, and has timm read it and nothing else. Whatever fails becomes a ModelError that
tells the operator what to do.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import Any

import timm
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
from safetensors import SafetensorError

from config.consistency import OPEN_NSFW
from config.policy import ModelSpec
from model import opennsfw
from model.errors import ModelError

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"

_NO_PICKLES = (
    "Pickled weights (.bin, .pth, .pt) can run code and are not read: use a model with safetensors, or convert these "
    "where that does no harm and write local-dir:/path"
)
UNREACHABLE = (
    "cannot be had from the Hugging Face hub and is not in the local cache; check the name, the revision and the "
    f"network, or copy {CONFIG_FILE} and {WEIGHTS_FILE} into a folder and write local-dir:/path, or write {OPEN_NSFW}, "
    "which needs no internet"
)

# What timm, torch and safetensors raise when a config or a file is not what it should be.
_UNFIT = (SafetensorError, OSError, RuntimeError, ValueError, TypeError, LookupError, AttributeError, AssertionError)

log = logging.getLogger(__name__)


def network(spec: ModelSpec) -> Any:
    """Return timm's model of `spec` with its weights, on the CPU. Raises ModelError in whatever way that fails."""
    if spec.timm == OPEN_NSFW:
        return _embedded()
    name, weights = locate(spec)
    if spec.revision is None and name != spec.timm:
        commit = name.rpartition("@")[2]
        log.warning("%s: loaded commit %s; write `revision: %s` to stay with it", spec.timm, commit, commit)
    verify(spec, weights)
    return _create(name, weights)


def locate(spec: ModelSpec) -> tuple[str, Path]:
    """Where the weights of `spec`, which is not the embedded one, lie, downloaded if need be, and timm's name for it.

    The name of a model from the hub ends in @ and its commit. Nothing is verified yet. Raises ModelError.
    """
    source, _, place = spec.timm.partition(":")
    if source == "local-dir":
        return spec.timm, _from_folder(spec.timm, Path(place))
    if source == "hf-hub":
        weights = _from_hub(spec, place, WEIGHTS_FILE)
        commit = weights.parent.name  # .../snapshots/<commit>/<file>; the config must come from the same commit
        return f"hf-hub:{place}@{commit}", weights
    return spec.timm, _from_hub(spec, *_registered(spec.timm))


def digest(spec: ModelSpec, weights: Path) -> str:
    """SHA-256 of a file of weights, 64 hex digits. Raises ModelError when it cannot be read."""
    try:
        with weights.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(
            f"{spec.timm}: {weights.name} cannot be read: {error.strerror}; may this user read it?"
        ) from error


def verify(spec: ModelSpec, weights: Path) -> None:
    """Raise ModelError unless the file has the SHA-256 that the policy gives, if it gives one."""
    if spec.sha256 is None:
        return
    found = digest(spec, weights)
    if found != spec.sha256:
        raise ModelError(
            f"{spec.timm}: its weights have the SHA-256 {found}, and the policy says {spec.sha256}: they were changed; "
            "fetch the model again, or, if you changed it, delete `sha256:` and run `pictrs-filter models pin`"
        )


def _embedded() -> Any:
    try:
        return opennsfw.build()
    except (OSError, ValueError) as error:
        raise ModelError(f"{OPEN_NSFW}: {error}") from error


def _create(name: str, weights: Path) -> Any:
    """Build timm's model `name` and fill it from the safetensors file, whatever source its config speaks of."""
    overlay = {"source": "", "file": str(weights), "custom_load": False}
    try:
        built: Any = timm.create_model(name, pretrained=True, pretrained_cfg_overlay=overlay)
        declared = built.pretrained_cfg["num_classes"]
    except _UNFIT as error:
        raise ModelError(f"{name}: {type(error).__name__}: {error}; fetch the model again, or use another") from error
    if built.num_classes != declared:  # timm then leaves the classifier at random numbers
        raise ModelError(f"{name}: its config speaks of {declared} and of {built.num_classes} classes; use another")
    return built


def _from_folder(name: str, folder: Path) -> Path:
    if not (folder / CONFIG_FILE).is_file():
        raise ModelError(f"{name}: there is no {CONFIG_FILE} in that folder; write local-dir:/path of a timm model")
    if not (folder / WEIGHTS_FILE).is_file():
        raise ModelError(f"{name}: there is no {WEIGHTS_FILE} in that folder. {_NO_PICKLES}")
    return folder / WEIGHTS_FILE


def _registered(name: str) -> tuple[str, str]:
    """Return (repository, file) of the weights of one of timm's own models."""
    if not timm.is_model(name):
        raise ModelError(
            f"{name}: timm {timm.__version__} has no such model; write {OPEN_NSFW}, local-dir:/path, hf-hub:owner/name "
            "or a name from timm.list_models()"
        )
    try:
        config: Any = timm.get_pretrained_cfg(name)
    except RuntimeError as error:
        raise ModelError(f"{name}: {error} Write a name from timm.list_models(pretrained=True)") from error
    file = (config.hf_hub_filename if config else None) or WEIGHTS_FILE
    if config is None or not config.hf_hub_id:
        raise ModelError(f"{name}: timm has no safe weights for it; use another, or bring some: local-dir:/path")
    if not file.endswith(".safetensors"):
        raise ModelError(f"{name}: its weights are in {file}. {_NO_PICKLES}")
    return config.hf_hub_id, file


def _from_hub(spec: ModelSpec, repository: str, file: str) -> Path:
    """Return the path of one file in the hub's cache, downloaded when it is not there yet."""
    try:
        return Path(hf_hub_download(repository, file, revision=spec.revision))
    except LocalEntryNotFoundError as error:
        raise ModelError(f"{spec.timm}: {UNREACHABLE} ({error})") from error
    except EntryNotFoundError as error:
        raise ModelError(f"{spec.timm}: there is no {file} in that repository. {_NO_PICKLES}") from error
    except (OSError, ValueError) as error:  # HfHubHTTPError and HFValidationError are among them
        raise ModelError(f"{spec.timm}: {UNREACHABLE} ({error})") from error
