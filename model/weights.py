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
from torch import nn

from config.policy import ModelSpec
from config.settings import EngineName
from model import sources
from model.choice import choose
from model.errors import ModelError
from model.preprocess import ViewSpec
from model.scorer import Scorer

__all__ = ["LoadedModel", "ModelError", "imagenet_labels", "load", "resolve_devices"]

IMAGENET_CLASSES = 1000

_data_config: Callable[..., dict[str, Any]] = resolve_model_data_config


class LoadedModel:
    """A network ready to score: `labels` in the order of the columns, `view` as it wants its input.

    `device` is for people: `cpu, onnxruntime` or `cuda:0 (name), torch, fp16`. `batch` views at once are best, in
    `lanes` threads. How many cores a forward uses is set by the thread that runs it (model/choice.py).
    """

    def __init__(
        self,
        network: nn.Module,
        labels: tuple[str, ...],
        data: dict[str, Any],
        device: str,
        backend: EngineName = "torch",
    ) -> None:
        self.labels = labels
        self.view = _view(data)
        scorer = Scorer(network, data["mean"], data["std"], self.view.height, self.view.width)
        self._engine = choose(scorer, device, backend)
        self.batch = self._engine.batch
        self.lanes = self._engine.lanes
        place = f"{device} ({torch.cuda.get_device_name(device)})" if device.startswith("cuda") else device
        self.device = f"{place}, {self._engine.name}"

    def forward(self, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Score `views`, uint8 (N, height, width, 3) RGB, in one pass: float32 (N, labels), each in 0..1.

        With two labels or more a row is a softmax and adds up to 1; a single label is a sigmoid. Raises ValueError for
        views of another shape or type, ModelError when the network does not answer with one number per label, and
        MemoryError where fewer may work.
        """
        size = (self.view.height, self.view.width, 3)
        if views.dtype != np.uint8 or views.ndim != 4 or views.shape[1:] != size or not len(views):
            raise ValueError(f"expected uint8 views (N, {size[0]}, {size[1]}, 3), not {views.dtype} {views.shape}")
        logits = self._engine.logits(np.require(views, requirements=["C", "W"]))
        if logits.shape != (len(views), len(self.labels)):
            raise ModelError(
                f"the model answers with {logits.shape}, not {len(self.labels)} scores a picture; use another"
            )
        scores = torch.from_numpy(logits)
        result: NDArray[np.float32] = (scores.softmax(dim=1) if len(self.labels) > 1 else scores.sigmoid()).numpy()
        return result

    def warm_up(self) -> None:
        """Run one black view, so that the first picture does not pay for torch's lazy set-up. Raises ModelError."""
        scores = self.forward(np.zeros((1, self.view.height, self.view.width, 3), dtype=np.uint8))
        if not np.isfinite(scores).all():
            raise ModelError("the model's scores are not numbers: its weights are broken; fetch the model again")


def load(spec: ModelSpec, device: str, backend: EngineName = "auto") -> LoadedModel:
    """Load the model of `spec` onto `device`: auto (a GPU if there is one), cpu, cuda or cuda:N. Raises ModelError.

    Where `device` means several GPUs, onto the first; see `resolve_devices`.
    """
    place = resolve_devices(device)[0]
    network = sources.network(spec)
    labels = _labels(spec, network.num_classes, network.pretrained_cfg.get("label_names"))
    data = _data_config(network)
    if data["input_size"][0] != 3:
        raise ModelError(f"{spec.timm}: takes {data['input_size'][0]} channels, not RGB; use a model for RGB pictures")
    try:
        return LoadedModel(network, labels, data, place, backend)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{spec.timm}: its input cannot be made here ({error}); use another model") from error


def _view(data: dict[str, Any]) -> ViewSpec:
    """Say in our words what timm's data config says about the input. Raises ValueError for what is not known here."""
    _, height, width = data["input_size"]
    red, green, blue = (round(255 * value) for value in data["mean"])  # timm/data/transforms_factory.py pads with it
    return ViewSpec(height, width, data["crop_pct"], data["crop_mode"], data["interpolation"], (red, green, blue))


def resolve_devices(device: str) -> list[str]:
    """Return the torch devices (cpu, or cuda:N and others) that the setting `device` means: auto and cuda are all GPUs.

    Raises ModelError if it is not there.
    """
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "cpu" or (device == "auto" and not found):
        return ["cpu"]
    _, _, number = device.partition(":")
    wanted = [int(number)] if number else list(range(max(1, found)))
    if wanted[-1] >= found:
        raise ModelError(
            f"device: {device} is not there, torch {torch.__version__} sees {found} GPUs; write `device: cpu` or "
            "`device: auto`, or give this process the GPU (a CUDA build of torch, `--gpus all` for a container)"
        )
    return [f"cuda:{each}" for each in wanted]


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
