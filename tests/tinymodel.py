"""A tiny timm model of random weights, written to a folder the way timm models are published, for tests of loading."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import save_file

from config.policy import ModelSpec
from model.sources import CONFIG_FILE, WEIGHTS_FILE

TINY = "test_resnet"
"""The smallest ResNet of timm, half a million parameters, 160 x 160."""
TINY_INPUT = {"input_size": [3, 160, 160], "first_conv": "conv1.0", "classifier": "fc"}
ABC = ["a", "b", "c"]


def write_model(
    folder: Path,
    classes: int = 3,
    *,
    config: dict[str, Any] | None = None,
    pretrained: dict[str, Any] | None = None,
    in_chans: int = 3,
) -> Path:
    """Write a tiny network of random weights the way `timm` models are published, `config` and `pretrained` on top."""
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng():
        torch.manual_seed(classes)
        network: Any = timm.create_model(TINY, num_classes=classes, in_chans=in_chans)
    save_file(network.state_dict(), folder / WEIGHTS_FILE)
    own = TINY_INPUT | {"input_size": [in_chans, 160, 160]} | (pretrained or {})
    content = {"architecture": TINY, "num_classes": classes, "pretrained_cfg": own}
    (folder / CONFIG_FILE).write_text(json.dumps(content | (config or {})), encoding="utf-8")
    return folder


def local(folder: Path, **fields: Any) -> ModelSpec:
    return ModelSpec(timm=f"local-dir:{folder}", **fields)
