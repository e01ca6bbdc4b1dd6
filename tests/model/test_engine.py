"""The measure by which engines agree, on engines that are functions; and the engines of the CPU on real networks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from numpy.typing import NDArray

from config.policy import ModelSpec
from model import onnxengine, sources
from model.choice import TOLERANCE
from model.eager import EagerEngine, as_array
from model.engine import Engine, difference, probes
from model.errors import ModelError
from model.onnxengine import NICE, OnnxEngine, export, stand_back
from model.scorer import Scorer
from tests.tinymodel import TINY

Logits = NDArray[np.float32]


class Function:
    """An engine that is a function of views."""

    name, lanes = "function", 1

    def __init__(self, function: Callable[[NDArray[np.uint8]], Any], batch: int = 4) -> None:
        self.function, self.batch = function, batch
        self.sizes: list[int] = []

    def logits(self, views: NDArray[np.uint8]) -> Logits:
        self.sizes.append(len(views))
        found: Logits = np.asarray(self.function(views), np.float32)
        return found


def means(views: NDArray[np.uint8]) -> Logits:
    found: Logits = views.mean(axis=(1, 2)).astype(np.float32) / 25
    return found


VIEWS = probes(24, 32)


def test_probes_are_different_pictures_of_the_wanted_size() -> None:
    assert VIEWS.shape == (4, 24, 32, 3)
    assert VIEWS.dtype == np.uint8
    assert len({view.tobytes() for view in VIEWS}) == 4
    np.testing.assert_array_equal(probes(24, 32), VIEWS)
    assert all(view.std() > 10 for view in VIEWS)


def test_the_same_engine_does_not_differ() -> None:
    assert difference(Function(means), Function(means), VIEWS) == 0


@pytest.mark.parametrize("batch", [1, 3, 4, 64])
def test_it_is_tried_alone_and_in_company(batch: int) -> None:
    other = Function(means, batch)
    difference(Function(means), other, VIEWS)
    assert set(other.sizes) == {size for size in (1, 2, 4, 8, 16, 32, 64) if size <= batch}


@pytest.mark.parametrize("size", [1, 2, 4, 8, 64])
def test_a_difference_in_one_size_of_batch_is_found(size: int) -> None:
    """On a GPU each size is a program of its own."""
    other = Function(lambda views: means(views) * (1 + (len(views) == size)), 64)
    assert difference(Function(means), other, VIEWS) > 0.1
    one_row = Function(lambda views: means(views) + (np.arange(len(views)) == size - 1)[:, None] * [0.5, 0, 0], 64)
    assert difference(Function(means), one_row, VIEWS) > 0.1


def test_a_difference_in_company_only_is_found() -> None:
    assert difference(Function(means), Function(lambda views: means(views) * (1 + (len(views) > 1))), VIEWS) > 0.1


def test_the_bound_holds_and_is_reached() -> None:
    """A two-way softmax is a sigmoid of the difference, which is steepest in the middle: a quarter."""
    shift = 0.004

    def plain(views: NDArray[np.uint8]) -> Logits:
        return np.zeros((len(views), 2), np.float32)

    apart = difference(Function(plain), Function(lambda views: plain(views) + np.array([shift, 0])), VIEWS)
    assert apart == pytest.approx(shift / 4, rel=1e-4)
    real = 1 / (1 + np.exp(-shift)) - 0.5
    assert real == pytest.approx(apart, rel=1e-3)


def test_what_a_softmax_does_not_see_is_no_difference() -> None:
    assert difference(Function(means), Function(lambda views: means(views) + 5), VIEWS) == pytest.approx(0, abs=1e-6)


def test_a_single_label_is_compared_as_it_is() -> None:
    def one(views: NDArray[np.uint8]) -> Logits:
        return means(views)[:, :1]

    assert difference(Function(one), Function(lambda views: one(views) + 0.4), VIEWS) == pytest.approx(0.1, rel=1e-3)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_no_number_is_infinitely_far(bad: float) -> None:
    assert difference(Function(means), Function(lambda views: means(views) * bad), VIEWS) == float("inf")


def test_another_shape_is_an_error() -> None:
    with pytest.raises(ModelError, match="one engine answers with"):
        difference(Function(means), Function(lambda views: means(views)[:, :2]), VIEWS)


# Engines of the CPU


def scorer(name: str, **fields: Any) -> Scorer:
    with torch.random.fork_rng():
        torch.manual_seed(7)
        network: Any = timm.create_model(name, num_classes=3, **fields)
    side = network.pretrained_cfg["input_size"][1]
    return Scorer(network, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4), side, side)


def embedded() -> Scorer:
    return Scorer(sources.network(ModelSpec(timm="open-nsfw")), (0.48, 0.46, 0.41), (1 / 255,) * 3, 224, 224)


@pytest.mark.parametrize("name", [TINY, "test_vit", "test_convnext", "test_efficientnet", "open-nsfw"])
def test_onnxruntime_says_what_torch_says(name: str) -> None:
    made = embedded() if name == "open-nsfw" else scorer(name)
    views = probes(made.height, made.width)
    assert difference(EagerEngine(made), OnnxEngine(made, 1), views) < TOLERANCE / 10


def test_the_comparison_sees_a_network_that_is_slightly_another() -> None:
    plain, other = embedded(), embedded()
    with torch.no_grad():
        other.network.get_parameter("fc.weight").mul_(1.02)
    views = probes(plain.height, plain.width)
    assert difference(EagerEngine(plain), EagerEngine(other), views) > TOLERANCE


@pytest.mark.parametrize("make", [EagerEngine, lambda made: OnnxEngine(made, 2)])
def test_any_number_of_views_gives_the_same_rows(make: Callable[[Scorer], Engine]) -> None:
    engine = make(scorer(TINY))
    views = np.concatenate([probes(160, 160)] * 2)
    together = np.concatenate([engine.logits(views[:3]), engine.logits(views[3:7]), engine.logits(views[7:])])
    alone = np.concatenate([engine.logits(view[None]) for view in views])
    np.testing.assert_allclose(together, alone, atol=1e-4)
    assert together.dtype == np.float32


def test_the_export_takes_bytes_and_any_number_of_views(tmp_path: Path) -> None:
    import onnx

    model = onnx.load_model_from_string(export(scorer(TINY)))
    (view,) = model.graph.input
    assert view.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert [each.dim_param or each.dim_value for each in view.type.tensor_type.shape.dim] == ["n", 160, 160, 3]


def test_a_network_that_gives_no_tensor_is_refused() -> None:
    with pytest.raises(ModelError, match="answers with tuple"):
        as_array((1, 2))


def test_threads_of_the_model_stand_back() -> None:
    import os
    import threading

    before = {int(each) for each in os.listdir("/proc/self/task")}
    mine = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    engine = OnnxEngine(scorer(TINY), 3)
    own = {int(each) for each in os.listdir("/proc/self/task")} - before
    found = set()
    for each in own:
        with suppress(ProcessLookupError):  # one that only made the others, and has just ended
            found.add(os.getpriority(os.PRIO_PROCESS, each))
    assert found == {max(mine, NICE)}
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == mine, "and nobody else"
    assert engine.name == "onnxruntime"


@pytest.mark.parametrize(("before", "set_to"), [(0, [NICE]), (NICE - 1, [NICE]), (NICE, []), (10, [])])
def test_nobody_comes_forward_who_stood_back_further(
    monkeypatch: pytest.MonkeyPatch, before: int, set_to: list[int]
) -> None:
    """That would need a privilege, and fail in each thread."""
    done: list[int] = []
    monkeypatch.setattr(onnxengine, "getpriority", lambda *_: before)
    monkeypatch.setattr(onnxengine, "setpriority", lambda *given: done.append(given[-1]))
    stand_back()
    assert done == set_to


def test_where_it_may_not_be_changed_it_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: int) -> None:
        raise PermissionError("not here")

    monkeypatch.setattr(onnxengine, "setpriority", refuse)
    monkeypatch.setattr(onnxengine, "getpriority", lambda *_: 0)
    stand_back()
