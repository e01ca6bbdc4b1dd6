"""Networks run by onnxruntime, beside torch; and the threads in which it runs them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch

from config.policy import ModelSpec
from model import onnxengine, sources
from model.choice import TOLERANCE
from model.eager import EagerEngine
from model.engine import Engine, difference, probes
from model.onnxengine import NICE, OnnxEngine, export, stand_back
from model.scorer import Scorer
from tests.tinymodel import TINY


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


def test_threads_of_the_model_do_not_wait_by_spinning() -> None:
    options = OnnxEngine(scorer(TINY), 2)._session.get_session_options()
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


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
