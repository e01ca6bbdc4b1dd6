"""The engine of GPUs, as far as it can be seen without one: on the CPU, with streams that do everything at once.

What only a GPU shows (that copies overlap, that graphs say the same) is compared at each start there (model/choice.py).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model import cuda
from model.cuda import CudaEngine
from model.eager import EagerEngine
from model.engine import difference, probes
from model.scorer import Scorer
from tests.model.test_onnxengine import scorer
from tests.tinymodel import TINY

SIDE = 8


class Now:
    """A stream, or an event on it, for which nothing waits: everything is done already."""

    def wait_stream(self, other: object) -> None: ...

    def record(self) -> None: ...

    def synchronize(self) -> None: ...


@pytest.fixture(autouse=True)
def without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("device", "stream"):
        monkeypatch.setattr(torch.cuda, name, nullcontext)
    monkeypatch.setattr(torch.cuda, "current_stream", Now)
    monkeypatch.setattr(cuda, "_stream", Now)
    monkeypatch.setattr(cuda, "_event", Now)
    monkeypatch.setattr(cuda, "_pinned", lambda shape, dtype: torch.zeros(shape, dtype=dtype))


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
    assert difference(plain, other, views) < (0.02 if half else 1e-4)
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


def test_another_error_stays_what_it_is() -> None:
    broken = False

    def function(values: Tensor) -> Tensor:
        if broken:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        return values

    made = engine(function)
    broken = True
    with pytest.raises(RuntimeError, match="illegal"):
        made.logits(flat(1))


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
