"""The engine of GPUs, as far as it can be seen without one: on the CPU, with streams that do everything at once.

What only a GPU shows (that copies overlap, that graphs say the same) is compared at each start there (model/choice.py).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model.choice import TOLERANCE
from model.cuda import CudaEngine
from model.eager import EagerEngine
from model.engine import difference, probes
from model.scorer import Scorer
from tests.model.nogpu import Now, without_a_gpu
from tests.model.test_onnxengine import scorer
from tests.tinymodel import TINY

SIDE = 8


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    without_a_gpu(monkeypatch)


class Network(nn.Module):
    """Answers with a function of the pixels' means."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function
        self.sizes: list[int] = []

    def forward(self, pixels: Tensor) -> Tensor:
        self.sizes.append(len(pixels))
        return self.function(pixels.mean(dim=(2, 3)))


def engine(function: Callable[[Tensor], Tensor] = lambda means: means, **how: Any) -> CudaEngine:
    made = Scorer(Network(function), (0,) * 3, (1,) * 3, SIDE, SIDE)
    return CudaEngine(made, "cpu", **{"half": False, "graphs": False, "batch": 8} | how)


def flat(*values: int) -> NDArray[np.uint8]:
    return np.stack([np.full((SIDE, SIDE, 3), value, np.uint8) for value in values])


def means(*values: int) -> NDArray[np.float32]:
    return np.repeat(np.array(values, np.float32)[:, None] / 255, 3, axis=1)


def test_any_number_of_views_gives_its_own_rows() -> None:
    made = engine()
    values = list(range(1, 250, 11))
    for count in (8, 1, 7, 2, 5, 3, 8, 6, 4):
        chosen = [values[(count * 3 + number) % len(values)] for number in range(count)]
        found = made.logits(flat(*chosen))
        np.testing.assert_allclose(found, means(*chosen), atol=1e-6)
        assert found.dtype == np.float32


def test_batches_have_fixed_sizes() -> None:
    made = engine()
    network = made._scorer.network
    assert isinstance(network, Network)
    network.sizes.clear()
    for count in range(1, 9):
        made.logits(flat(*range(count)))
    assert network.sizes == [1, 2, 4, 4, 8, 8, 8, 8]


def test_two_threads_do_not_mix_their_views() -> None:
    made = engine()

    def many(value: int) -> bool:
        wanted = means(*[value] * 5)
        return all(np.allclose(made.logits(flat(*[value] * 5)), wanted, atol=1e-6) for _ in range(50))

    with ThreadPoolExecutor(2) as threads:
        assert all(threads.map(many, (10, 200)))


def test_one_batch_waits_for_its_scores_while_another_is_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2)

    class Over(Now):
        def synchronize(self) -> None:
            both.wait(20)

    made = engine()
    assert made.lanes == 2
    monkeypatch.setattr(torch.cuda, "Event", Over)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(made.logits, (flat(1), flat(2))))


def test_no_two_forwards_are_made_at_once() -> None:
    """Nor one in half precision and what it could not hold."""
    alone = threading.Lock()

    def slow(values: Tensor) -> Tensor:
        assert alone.acquire(blocking=False), "two forwards at once"
        time.sleep(0.005)
        alone.release()
        return values * torch.nan if torch.is_autocast_enabled("cpu") else values

    made = engine(slow, half=True, batch=1)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(made.logits, [flat(1)] * 20))


def test_a_forward_waits_for_its_views_and_its_caller_for_the_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    class Noted(Now):
        def __init__(self, name: str) -> None:
            self.name = name

        def wait_stream(self, other: object) -> None:
            assert isinstance(other, Noted)
            calls.append(f"{self.name} waits for {other.name}")

        def record(self) -> None:
            calls.append(f"{self.name} is recorded")

        def synchronize(self) -> None:
            calls.append(f"{self.name} is waited for")

    @contextmanager
    def on(stream: Noted) -> Iterator[None]:
        calls.append(f"on {stream.name}")
        yield

    def forward(values: Tensor) -> Tensor:
        calls.append("forward")
        return values

    streams = iter(["side", "lane 1", "lane 2"])
    monkeypatch.setattr(torch.cuda, "stream", on)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: Noted("current"))
    monkeypatch.setattr(torch.cuda, "Stream", lambda: Noted(next(streams)))
    monkeypatch.setattr(torch.cuda, "Event", lambda *, blocking: Noted("event" if blocking else "event that spins"))
    made = engine(forward, batch=1)
    forwards = ["forward"] * 3
    assert calls == ["side waits for current", "on side", *forwards, "current waits for side", "on lane 1", "on lane 2"]
    for lane in ("lane 1", "lane 2", "lane 1"):
        calls.clear()
        made.logits(flat(1))
        forwards = [f"current waits for {lane}", "forward", "event is recorded", "event is waited for"]
        assert calls == [f"on {lane}", *forwards]


def test_views_travel_as_bytes() -> None:
    made = engine()
    lanes = [made._free.get() for _ in range(made.lanes)]
    travelling = [tensor for lane in lanes for tensor in (lane.pinned, lane.arrived)]
    assert {tensor.dtype for tensor in travelling} == {torch.uint8}
    assert {program.views.dtype for program in made._programs.values()} == {torch.uint8}


@pytest.mark.parametrize("half", [False, True])
def test_half_precision_is_where_it_is_wanted_and_not_for_what_it_cannot_hold(half: bool) -> None:
    seen: list[tuple[bool, int]] = []

    def narrow(values: Tensor) -> Tensor:
        is_half = torch.is_autocast_enabled("cpu")
        assert not is_half or torch.get_autocast_dtype("cpu") is torch.float16
        seen.append((is_half, len(values)))
        return values.masked_fill(values > 0.5, torch.nan) if is_half else values

    made = engine(narrow, half=half)
    seen.clear()
    np.testing.assert_allclose(made.logits(flat(200, 1, 250, 2)), means(200, 1, 250, 2), atol=1e-6)
    assert seen == ([(True, 4), (False, 2)] if half else [(False, 4)])


def test_only_weights_of_torchs_own_layers_are_kept_in_half_precision() -> None:
    class OwnConv(nn.Conv2d): ...

    class OwnLinear(nn.Linear): ...

    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), OwnConv(4, 4, 3), nn.Flatten(), nn.Linear(64, 8), OwnLinear(8, 2)
    )
    made = CudaEngine(Scorer(network, (0,) * 3, (1,) * 3, SIDE, SIDE), "cpu", graphs=False, batch=1)

    def types(scorer: Scorer) -> list[set[torch.dtype]]:
        layers: Any = scorer.network
        return [found for layer in layers if (found := {weight.dtype for weight in layer.parameters()})]

    half, single = {torch.float16}, {torch.float32}
    assert types(made._scorer) == [half, single, single, half, single]
    assert types(made._single) == [single] * 5
    assert {buffer.dtype for buffer in made._scorer.buffers()} == {torch.float32, torch.int64}


def test_what_half_precision_cannot_hold_is_computed_in_single() -> None:
    def large(values: Tensor) -> Tensor:
        return values.to(torch.float16 if torch.is_autocast_enabled("cpu") else torch.float32) * 70_000

    found = engine(large, half=True).logits(flat(0, 255, 10, 254))
    np.testing.assert_allclose(found, means(0, 255, 10, 254) * 70_000, rtol=2e-3)


def test_what_single_precision_cannot_hold_either_stays_no_number() -> None:
    found = engine(lambda values: values / 0, half=True).logits(flat(0, 1))
    assert not np.isfinite(found).all()


@pytest.mark.parametrize("half", [False, True])
def test_it_says_what_the_cpu_says(half: bool) -> None:
    made = scorer(TINY)
    plain = EagerEngine(made)
    views = probes(made.height, made.width)
    other = CudaEngine(made, "cpu", half=half, graphs=False, batch=4)
    assert difference(plain, other, views) < (TOLERANCE if half else 1e-4)
    assert other.name == ("torch, fp16" if half else "torch")


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"),
    ],
    ids=lambda error: str(error)[:30],
)
def test_the_lack_of_memory_is_told_as_such(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    fail = False

    def function(values: Tensor) -> Tensor:
        if fail:
            raise error
        return values

    made = engine(function)
    emptied: list[int] = []

    def empty() -> None:
        emptied.append(1)
        raise RuntimeError("INTERNAL ASSERT FAILED")

    monkeypatch.setattr(torch.cuda, "empty_cache", empty)
    fail = True
    with pytest.raises(MemoryError):
        made.logits(flat(1))
    assert emptied == [1]
    fail = False
    np.testing.assert_allclose(made.logits(flat(7)), means(7), atol=1e-6)


def test_another_error_stays_what_it_is_and_the_lanes_are_free_again() -> None:
    broken = False

    def function(values: Tensor) -> Tensor:
        if broken:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        return values

    made = engine(function)
    broken = True
    for _ in range(3):
        with pytest.raises(RuntimeError, match="illegal"):
            made.logits(flat(1))
        assert made._free.qsize() == made.lanes
    broken = False
    np.testing.assert_allclose(made.logits(flat(7)), means(7), atol=1e-6)


def test_batches_are_as_large_as_memory_allows(caplog: pytest.LogCaptureFixture) -> None:
    def function(values: Tensor) -> Tensor:
        if len(values) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return values

    made = engine(function)
    assert made.batch == 2
    np.testing.assert_allclose(made.logits(flat(3, 4)), means(3, 4), atol=1e-6)
    assert "no memory for 8 views at once" in caplog.text
    assert "no memory for 4 views at once" in caplog.text


def test_without_memory_for_one_view_there_is_no_engine() -> None:
    def function(values: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(MemoryError):
        engine(function)
