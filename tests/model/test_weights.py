"""Models that are ready to score: the names of their scores, their own preprocessing, what goes in and comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import timm.data
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from config.consistency import OPEN_NSFW, OPEN_NSFW_LABELS
from config.policy import ModelSpec
from model.preprocess import make_view
from model.sources import WEIGHTS_FILE
from model.weights import LoadedModel, ModelError, imagenet_labels, load, resolve_devices
from tests.imagenet import CAT_LABELS, make_local_dir, picture
from tests.tinymodel import ABC, TINY, local, write_model


def cat_and_coffee(model: LoadedModel) -> NDArray[np.float32]:
    images = [Image.open(picture(name)).convert("RGB") for name in ("chelsea.png", "coffee.png")]
    return model.forward(np.stack([make_view(image, model.view) for image in images]))


# What the scores are called


@pytest.mark.parametrize(
    ("own", "yaml", "labels"),
    [
        pytest.param(ABC, None, ("a", "b", "c"), id="the model's own"),
        pytest.param(None, ABC, ("a", "b", "c"), id="from the YAML"),
        pytest.param(ABC, ABC, ("a", "b", "c"), id="both the same"),
        pytest.param(ABC, ["x", "y", "z"], ("x", "y", "z"), id="the YAML renames"),
        pytest.param({"0": "a"}, ABC, ("a", "b", "c"), id="own names that are no list do not count"),
    ],
)
def test_labels(tmp_path: Path, own: Any, yaml: list[str] | None, labels: tuple[str, ...]) -> None:
    folder = write_model(tmp_path, config={"label_names": own} if own else None)
    assert load(local(folder, labels=yaml), "cpu").labels == labels


@pytest.mark.parametrize(
    ("own", "yaml", "message"),
    [
        pytest.param(None, None, "does not say what its 3 outputs mean; write `labels:", id="nobody says"),
        pytest.param({"0": "a"}, None, "does not say what its 3 outputs mean", id="own names that are no list"),
        pytest.param([1, 2, 3], None, "does not say what its 3 outputs mean", id="own names that are numbers"),
        pytest.param(["a", "b"], None, r"3 outputs, not 2; write `labels", id="one too few of its own"),
        pytest.param(None, ["a", "b", "c", "d"], r"3 outputs, not 4", id="one too many in the YAML"),
        pytest.param(["a", "b", "b"], None, r"twice.*'b'", id="twice of its own"),
        pytest.param(["a", "", "b"], None, "empty", id="an empty name"),
        pytest.param(ABC, ["b", "a", "c"], r"not in the model's own order \['a', 'b', 'c'\]", id="another order"),
    ],
)
def test_labels_that_are_refused(tmp_path: Path, own: Any, yaml: list[str] | None, message: str) -> None:
    folder = write_model(tmp_path, config={"label_names": own} if own else None)
    with pytest.raises(ModelError, match=message):
        load(local(folder, labels=yaml), "cpu")


def test_a_thousand_outputs_in_a_folder_are_not_taken_for_imagenet(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not say what its 1000 outputs mean"):
        load(local(write_model(tmp_path, 1000)), "cpu")


def test_imagenet_names_are_unique_and_in_order() -> None:
    names = imagenet_labels()
    assert len(names) == len(set(names)) == 1000
    # https://github.com/huggingface/pytorch-image-models/blob/main/timm/data/_info/imagenet_synsets.txt
    assert (names[0], names[281], names[967]) == ("tench", "tabby", "espresso")
    assert (names[134], names[517]) == ("crane (n02012849)", "crane (n03126707)")
    assert names[281:286] == CAT_LABELS


# What they mean


def test_pictures_are_named_rightly_through_the_whole_path() -> None:
    model = load(local(make_local_dir()), "cpu")
    cat, coffee = (dict(zip(model.labels, row.tolist(), strict=True)) for row in cat_and_coffee(model))
    assert sum(cat[label] for label in CAT_LABELS) > 0.5
    assert coffee["espresso"] > 0.5
    assert sum(coffee[label] for label in CAT_LABELS) < 0.05


def test_the_embedded_models_labels_are_those_that_the_config_knows() -> None:
    assert load(ModelSpec(timm=OPEN_NSFW), "cpu").labels == OPEN_NSFW_LABELS


def test_loading_again_gives_the_same_bits() -> None:
    first, second = (cat_and_coffee(load(local(make_local_dir()), "cpu")) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    "pretrained",
    [
        pytest.param({}, id="timm's defaults"),
        pytest.param({"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4], "crop_pct": 1.0}, id="own mean and deviation"),
        pytest.param({"crop_mode": "squash", "interpolation": "bilinear"}, id="squash"),
        pytest.param({"crop_mode": "border", "mean": [0.1, 0.9, 0.5], "crop_pct": 1.0}, id="border of the mean"),
        pytest.param({"input_size": [3, 96, 128]}, id="oblong"),
    ],
)
def test_scores_are_those_of_timms_own_transform(tmp_path: Path, pretrained: dict[str, Any]) -> None:
    folder = write_model(tmp_path, pretrained=pretrained)
    network: Any = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    data_module: Any = timm.data
    transform = data_module.create_transform(**data_module.resolve_model_data_config(network), is_training=False)
    image = Image.open(picture("chelsea.png")).convert("RGB")
    with torch.inference_mode():
        theirs = network(transform(image)[None]).softmax(1).numpy()
    model = load(local(folder, labels=ABC), "cpu")
    np.testing.assert_allclose(model.forward(make_view(image, model.view)[None]), theirs, rtol=0, atol=1e-5)


def test_one_label_is_a_sigmoid_and_several_are_a_softmax(tmp_path: Path) -> None:
    one = cat_and_coffee(load(local(write_model(tmp_path / "one", 1), labels=["a"]), "cpu"))
    three = cat_and_coffee(load(local(write_model(tmp_path / "three", 3), labels=ABC), "cpu"))
    assert (one.shape, three.shape) == ((2, 1), (2, 3))
    assert ((one > 0) & (one < 1)).all(), "a softmax of one number is always 1"
    np.testing.assert_allclose(three.sum(axis=1), 1, atol=1e-6)


# What goes in


def black(count: int = 1, side: int = 4) -> NDArray[np.uint8]:
    return np.zeros((count, side, side, 3), dtype=np.uint8)


def stub(network: nn.Module, labels: tuple[str, ...]) -> LoadedModel:
    """A model of 4 x 4 pixels that is `network`."""
    data = {"input_size": (3, 4, 4), "crop_pct": 1.0, "crop_mode": "center", "interpolation": "bicubic"}
    return LoadedModel(network, labels, data | {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}, "cpu")


class Mean(nn.Module):
    """Answers with the mean red, green and blue after normalisation."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.mean(dim=(2, 3))


@pytest.mark.parametrize(
    "views",
    [
        pytest.param(black().astype(np.float32), id="float"),
        pytest.param(black()[0], id="one view without a batch"),
        pytest.param(black(0), id="no views"),
        pytest.param(black(side=5), id="another size"),
        pytest.param(np.zeros((1, 4, 4, 4), np.uint8), id="RGBA"),
        pytest.param(np.zeros((1, 3, 4, 4), np.uint8), id="channels first"),
    ],
)
def test_other_shapes_and_types_are_refused(views: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match=r"expected uint8 views \(N, 4, 4, 3\)"):
        stub(Mean(), ("r", "g", "b")).forward(views)


def test_read_only_and_strided_views_are_fine_and_stay_as_they_are() -> None:
    views = np.arange(2 * 4 * 4 * 6, dtype=np.uint8).reshape(2, 4, 4, 6)[..., ::2]
    views.flags.writeable = False
    before = views.copy()
    scores = stub(Mean(), ("r", "g", "b")).forward(views)
    normalised = (views / 255 - 0.5) / 0.5
    expected = np.exp(normalised.mean(axis=(1, 2)))
    np.testing.assert_allclose(scores, expected / expected.sum(axis=1, keepdims=True), atol=1e-6)
    np.testing.assert_array_equal(views, before)
    assert scores.dtype == np.float32


@pytest.mark.parametrize(
    ("network", "message"),
    [
        pytest.param(nn.Flatten(), r"answers with \(1, 48\), not 3 scores", id="too many numbers"),
        pytest.param(nn.Identity(), r"answers with \(1, 3, 4, 4\), not 3 scores", id="a map instead of scores"),
    ],
)
def test_a_network_that_is_no_classifier_is_refused(network: nn.Module, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        stub(network, ("r", "g", "b")).warm_up()


def test_broken_weights_are_found_when_warming_up(tmp_path: Path) -> None:
    network: Any = timm.create_model(TINY, num_classes=3)
    network.fc.weight.data.fill_(torch.nan)
    save_file(network.state_dict(), write_model(tmp_path) / WEIGHTS_FILE)
    model = load(local(tmp_path, labels=ABC), "cpu")
    with pytest.raises(ModelError, match="not numbers"):
        model.warm_up()


# Where it runs


@pytest.mark.parametrize(
    ("setting", "gpus", "places"),
    [
        ("auto", 0, ["cpu"]),
        ("auto", 2, ["cuda:0", "cuda:1"]),
        ("cpu", 2, ["cpu"]),
        ("cuda", 1, ["cuda:0"]),
        ("cuda:1", 2, ["cuda:1"]),
    ],
)
def test_device(monkeypatch: pytest.MonkeyPatch, setting: str, gpus: int, places: list[str]) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    assert resolve_devices(setting) == places


@pytest.mark.parametrize(("setting", "gpus"), [("cuda", 0), ("cuda:0", 0), ("cuda:2", 2)])
def test_a_device_that_is_missing(monkeypatch: pytest.MonkeyPatch, setting: str, gpus: int) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    with pytest.raises(ModelError, match=rf"device: {setting} is not there.*sees {gpus} GPUs; write `device: cpu`"):
        load(ModelSpec(timm="open-nsfw"), setting)
