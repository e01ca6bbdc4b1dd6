"""A model that is ready to score: views in, named numbers out, on the device that the operator chose.

Scores have names, never positions: the labels come from the YAML, else from the model's own `label_names`, else there
is an error. Input size, mean, deviation and resizing are the model's own (`timm.data.resolve_model_data_config`) and
never repeated in YAML. Where weights come from: model/sources.py.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from timm.data.config import resolve_model_data_config
from timm.data.imagenet_info import ImageNetInfo
from torch import Tensor, nn

from config.policy import ModelSpec
from model import sources
from model.errors import ModelError
from model.preprocess import ViewSpec

__all__ = ["LoadedModel", "ModelError", "imagenet_labels", "load", "resolve_device"]

IMAGENET_CLASSES = 1000

_data_config: Callable[..., dict[str, Any]] = resolve_model_data_config


class LoadedModel:
    """A network ready to score: `labels` in the order of the columns, `view` as it wants its input, and its `device`.

    `device` is for people: `cpu` or `cuda:0 (name)`. Not for two threads at once: model/classifier.py gives it one.
    How many cores a forward uses is set by the thread that runs it (model/judge.py leaves one free): torch's threads
    wait for each other by spinning, which is slow where other programs keep the cores busy.
    """

    def __init__(self, network: nn.Module, labels: tuple[str, ...], data: dict[str, Any], device: str) -> None:
        self.labels = labels
        self.device = f"{device} ({torch.cuda.get_device_name(device)})" if device.startswith("cuda") else device
        self.view = _view(data)
        self._device = device
        self._network = network.eval().requires_grad_(False).to(device).to(memory_format=torch.channels_last)
        self._mean = torch.tensor(data["mean"], device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(data["std"], device=device).view(1, 3, 1, 1)

    def forward(self, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Score `views`, uint8 (N, height, width, 3) RGB, in one pass: float32 (N, labels), each in 0..1.

        With two labels or more a row is a softmax and adds up to 1; a single label is a sigmoid. Raises ValueError for
        views of another shape or type, and ModelError when the network does not answer with one number per label.
        """
        size = (self.view.height, self.view.width, 3)
        if views.dtype != np.uint8 or views.ndim != 4 or views.shape[1:] != size or not len(views):
            raise ValueError(f"expected uint8 views (N, {size[0]}, {size[1]}, 3), not {views.dtype} {views.shape}")
        with torch.inference_mode():
            # One byte per value travels to the device. NHWC in memory but called NCHW is what channels_last means.
            pixels = torch.from_numpy(views.copy()).to(self._device).permute(0, 3, 1, 2).float().div_(255)
            answer = self._network(pixels.sub_(self._mean).div_(self._std))
            if not isinstance(answer, Tensor) or answer.shape != (len(views), len(self.labels)):
                kind = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
                raise ModelError(f"the model answers with {kind}, not {len(self.labels)} scores a picture; use another")
            answer = answer.float()
            scores = answer.softmax(dim=1) if len(self.labels) > 1 else answer.sigmoid()
            result: NDArray[np.float32] = scores.cpu().numpy()
            return result

    def warm_up(self) -> None:
        """Run one black view, so that the first picture does not pay for torch's lazy set-up. Raises ModelError."""
        scores = self.forward(np.zeros((1, self.view.height, self.view.width, 3), dtype=np.uint8))
        if not np.isfinite(scores).all():
            raise ModelError("the model's scores are not numbers: its weights are broken; fetch the model again")


def load(spec: ModelSpec, device: str) -> LoadedModel:
    """Load the model of `spec` onto `device`: auto (a GPU if there is one), cpu, cuda or cuda:N. Raises ModelError."""
    place = resolve_device(device)
    network = sources.network(spec)
    labels = _labels(spec, network.num_classes, network.pretrained_cfg.get("label_names"))
    data = _data_config(network)
    if data["input_size"][0] != 3:
        raise ModelError(f"{spec.timm}: takes {data['input_size'][0]} channels, not RGB; use a model for RGB pictures")
    try:
        return LoadedModel(network, labels, data, place)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{spec.timm}: its input cannot be made here ({error}); use another model") from error


def _view(data: dict[str, Any]) -> ViewSpec:
    """Say in our words what timm's data config says about the input. Raises ValueError for what is not known here."""
    _, height, width = data["input_size"]
    red, green, blue = (round(255 * value) for value in data["mean"])  # timm/data/transforms_factory.py pads with it
    return ViewSpec(height, width, data["crop_pct"], data["crop_mode"], data["interpolation"], (red, green, blue))


def resolve_device(device: str) -> str:
    """Return the torch device (cpu or cuda:N) that the setting `device` means. Raises ModelError if it is not there."""
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "cpu" or (device == "auto" and not found):
        return "cpu"
    number = int(device.partition(":")[2] or 0)
    if number >= found:
        raise ModelError(
            f"device: {device} is not there, torch {torch.__version__} sees {found} GPUs; write `device: cpu` or "
            "`device: auto`, or give this process the GPU (a CUDA build of torch, `--gpus all` for a container)"
        )
    return f"cuda:{number}"


@cache
def imagenet_labels() -> tuple[str, ...]:
    """Return the 1000 names of ImageNet-1k, in the order in which all of timm's models have them.

    The first of each class's WordNet words ("tabby", "Egyptian cat"). Two words stand for two classes each (crane,
    maillot); these carry the WordNet number as well: "crane (n02012849)" is the bird.
    """
    info: Any = ImageNetInfo("imagenet-1k")
    words = [str(description).split(",")[0].strip() for description in info.label_descriptions()]
    numbers: list[str] = info.label_names()
    return tuple(f"{w} ({n})" if words.count(w) > 1 else w for w, n in zip(words, numbers, strict=True))


def _labels(spec: ModelSpec, count: int, own: object) -> tuple[str, ...]:
    """Return what each of `count` outputs means: from the YAML, else the model's `own` names, else timm's ImageNet."""
    if count < 1:
        raise ModelError(f"{spec.timm}: gives embeddings, not scores; use a model with a classifier")
    names = tuple(own) if isinstance(own, list | tuple) and all(isinstance(name, str) for name in own) else ()
    by_timm = ":" not in spec.timm or spec.timm.startswith("hf-hub:timm/")
    if spec.labels is not None:
        labels = spec.labels
        if labels != names and sorted(labels) == sorted(names):
            raise ModelError(f"{spec.timm}: `labels` are not in the model's own order {list(names)}; remove `labels`")
    elif names:
        labels = names
    elif by_timm and count == IMAGENET_CLASSES:
        labels = imagenet_labels()
    else:
        raise ModelError(
            f"{spec.timm}: does not say what its {count} outputs mean; write `labels: [...]`, {count} names in the "
            "order of the outputs (its model card has them)"
        )
    if len(labels) != count:
        raise ModelError(
            f"{spec.timm}: has {count} outputs, not {len(labels)}; write `labels: [...]` with {count} names"
        )
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice or "" in labels:
        raise ModelError(
            f"{spec.timm}: labels stand twice or are empty {twice}; write `labels: [...]` with unique names"
        )
    return labels
