"""Which engine is chosen: on the CPU with real ones, on a GPU, which is not here, with what the choice is made of."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import timm
import torch
from numpy.typing import NDArray

from model import choice
from model.choice import TOLERANCE, Recorded, choose, first
from model.cores import cores
from model.eager import EagerEngine
from model.engine import probes, sizes
from model.errors import ModelError
from model.onnxengine import OnnxEngine
from model.scorer import Scorer
from tests.model.test_engine import VIEWS, Function, means
from tests.tinymodel import TINY


def scorer() -> Scorer:
    network: Any = timm.create_model(TINY, num_classes=3)
    return Scorer(network, (0.5,) * 3, (0.5,) * 3, 160, 160)


@pytest.mark.parametrize(("backend", "kind"), [("torch", EagerEngine), ("onnxruntime", OnnxEngine)])
def test_the_operator_is_taken_at_his_word(backend: Any, kind: type) -> None:
    assert isinstance(choose(scorer(), "cpu", backend), kind)


@dataclass
class Takes:
    """Seconds that an engine takes for a forward, for each view in it, and for each third forward besides."""

    forward: float
    view: float
    third: float = 0.0
    batch: int = 4


@pytest.mark.parametrize(
    ("fast", "slow"),
    [
        pytest.param(Takes(0, 1), Takes(0, 2), id="as such"),
        pytest.param(Takes(0.5, 0.1), Takes(0, 0.3), id="in company, though slower alone"),
        pytest.param(Takes(0, 1, batch=8), Takes(0, 1.5, batch=4), id="a view, though slower in a larger batch"),
        pytest.param(Takes(0, 1, third=9), Takes(0, 2), id="though something came between once"),
    ],
)
@pytest.mark.parametrize("faster", ["torch", "onnxruntime"])
def test_auto_is_the_faster_one(monkeypatch: pytest.MonkeyPatch, faster: str, fast: Takes, slow: Takes) -> None:
    clock = SimpleNamespace(now=0.0)

    def engine(name: str) -> Function:
        takes = fast if name == faster else slow

        def function(views: NDArray[np.uint8]) -> Any:
            clock.now += takes.forward + takes.view * len(views) + takes.third * (len(made.sizes) % 3 == 0)
            return means(views)

        made = Function(function, takes.batch)
        made.name = name
        return made

    monkeypatch.setattr(choice, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    monkeypatch.setattr(choice, "EagerEngine", lambda _: engine("torch"))
    monkeypatch.setattr(choice, "OnnxEngine", lambda *_: engine("onnxruntime"))
    assert choose(scorer(), "cpu", "auto").name == faster


def broken(*_: object) -> Any:
    raise SystemExit("the exporter does not know this")


def test_what_cannot_be_exported_runs_in_torch(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(choice, "OnnxEngine", broken)
    assert choose(scorer(), "cpu", "auto").name == "torch"
    assert "onnxruntime cannot be used: SystemExit: the exporter does not know this" in caplog.text
    with pytest.raises(ModelError, match="onnxruntime cannot run this model"):
        choose(scorer(), "cpu", "onnxruntime")


def test_what_says_something_else_is_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(choice, "OnnxEngine", lambda made, _: Function(lambda views: means(views) * 2))
    assert choose(scorer(), "cpu", "auto").name == "torch"
    assert "onnxruntime is not used: its scores may be" in caplog.text


@pytest.mark.parametrize(("apart", "chosen"), [(TOLERANCE * 0.9, "function"), (TOLERANCE * 1.1, "plain")])
def test_the_tolerance(apart: float, chosen: str) -> None:
    plain = Function(means)
    plain.name = "plain"
    other = Function(lambda views: means(views) + np.array([4 * apart, 0, 0]))
    found = first([("other", lambda: other), ("plain", lambda: plain)], Function(means), VIEWS)
    assert found is not None
    assert found.name == chosen


def test_ways_are_tried_in_turn_until_one_is_right(caplog: pytest.LogCaptureFixture) -> None:
    last = Function(means)
    nan = Function(lambda views: means(views) * np.nan)
    assert first([("a", broken), ("b", lambda: nan), ("c", lambda: last)], Function(means), VIEWS) is last
    assert "b is not used: its scores may be inf" in caplog.text
    assert first([("a", broken), ("b", lambda: nan)], Function(means), VIEWS) is None


def test_on_a_gpu_it_is_compared_with_the_cpu_and_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []

    def engine(given: Scorer, device: str, **how: Any) -> Function:
        made.append(how)
        if how.get("half", True):
            return Function(lambda views: EagerEngine(given).logits(views) + np.array([0.5, 0, 0]), 64)
        return Function(EagerEngine(given).logits, 64)

    monkeypatch.setattr(choice, "CudaEngine", engine)
    assert choose(scorer(), "cuda:0", "auto").batch == 64
    assert made == [{}, {"graphs": False}, {"half": False, "graphs": False}]
    monkeypatch.setattr(choice, "CudaEngine", broken)
    with pytest.raises(ModelError, match="does not run on cuda:0"):
        choose(scorer(), "cuda:0", "torch")
    with pytest.raises(ModelError, match="onnxruntime runs on the CPU here"):
        choose(scorer(), "cuda:0", "onnxruntime")


def test_recorded_scores_are_those_of_the_engine() -> None:
    views = probes(160, 160)
    engine = EagerEngine(scorer())
    recorded = Recorded(engine, views)
    np.testing.assert_array_equal(recorded.logits(views[2:3]), engine.logits(views[2:3]))
    with pytest.raises(KeyError):
        recorded.logits(views[:1] + 1)


def test_fixed_sizes_of_batches() -> None:
    assert sizes(64) == [1, 2, 4, 8, 16, 32, 64]
    assert sizes(48)[-1] == 64
    assert sizes(1) == [1]


def test_torch_leaves_a_core_free() -> None:
    before = torch.get_num_threads()
    try:
        choice.leave_a_core()
        assert torch.get_num_threads() == max(1, cores() - 1)
    finally:
        torch.set_num_threads(before)
