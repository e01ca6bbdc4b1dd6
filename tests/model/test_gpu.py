"""The engine of GPUs on a real one: the scores of the CPU in every batch size, by many threads, with little memory.

Left out where there is none; test_cuda.py shows on the CPU what can be shown there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from config.policy import ModelSpec
from model.batcher import Batcher
from model.choice import TOLERANCE, Recorded, choose, prepare
from model.cuda import GPU_BATCH, CudaEngine
from model.device import Device
from model.eager import EagerEngine
from model.engine import difference, probes
from model.scorer import Scorer
from model.weights import load
from tests.model.test_onnxengine import embedded, scorer
from tests.tinymodel import TINY

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")

GPU = "cuda:0"
NAMES = [TINY, "test_vit", "test_convnext", "test_efficientnet", "test_nfnet", "open-nsfw"]


def made(name: str) -> Scorer:
    return embedded() if name == "open-nsfw" else scorer(name)


@pytest.fixture(autouse=True)
def memory() -> Iterator[None]:
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)
    torch.cuda.empty_cache()


@pytest.mark.parametrize("half", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_every_batch_size_gives_the_scores_of_the_cpu(
    name: str, half: bool, record_property: Callable[[str, object], None]
) -> None:
    network = made(name)
    views = probes(network.height, network.width)
    plain = Recorded(EagerEngine(network), views)
    apart = difference(plain, CudaEngine(network, GPU, half=half), views)
    record_property("figures", f"{name} on a GPU, half precision {half}: scores at most {apart:.5f} from the CPU's")
    assert apart < TOLERANCE


@pytest.mark.parametrize("name", NAMES)
def test_the_fastest_way_is_exact_enough(name: str, caplog: pytest.LogCaptureFixture) -> None:
    engine = choose(made(name), GPU, "auto")
    assert (engine.name, engine.batch, engine.lanes) == ("torch, fp16", GPU_BATCH, 2)
    assert "not used" not in caplog.text
    assert isinstance(engine, CudaEngine)
    assert all(program.graph is not None for program in engine._programs.values())


def noise(count: int, engine: Scorer) -> NDArray[np.uint8]:
    return np.random.default_rng(count).integers(0, 256, (count, engine.height, engine.width, 3), np.uint8)


def test_threads_that_overlap_do_not_mix_their_views() -> None:
    network = embedded()
    files = [noise(count, network) for count in (64, 1, 13, 32, 5, 64, 28, 2)]
    engine = CudaEngine(network, GPU)
    wanted = [engine.logits(views) for views in files]

    def again(number: int) -> float:
        views, rows = files[number % len(files)], wanted[number % len(files)]
        return float(np.abs(engine.logits(views) - rows).max())

    with ThreadPoolExecutor(2) as threads:
        assert max(threads.map(again, range(400))) < 1e-3
    assert min(float(np.ptp(rows)) for rows in wanted) > 1e-2  # so that another one's rows would be seen


def test_with_little_memory_batches_are_smaller() -> None:
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(600e6 / torch.cuda.get_device_properties(0).total_memory)
    network = embedded()
    views = probes(224, 224)
    plain = Recorded(EagerEngine(network), views)
    engine = CudaEngine(network, GPU, batch=512)
    assert 1 <= engine.batch < 512
    assert difference(plain, engine, views) < TOLERANCE


def test_memory_that_others_took_is_told_as_such_and_found_again() -> None:
    network = embedded()
    views = noise(64, network)
    engine = CudaEngine(network, GPU, graphs=False)
    wanted = engine.logits(views)
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(1e-4)
    with pytest.raises(MemoryError):
        engine.logits(views)
    torch.cuda.set_per_process_memory_fraction(1.0)
    np.testing.assert_allclose(engine.logits(views), wanted, atol=1e-3)


def test_graphs_need_no_more_memory_once_they_are_made() -> None:
    network = embedded()
    views = noise(64, network)
    engine = CudaEngine(network, GPU)
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(1e-4)
    scarce = engine.logits(views)
    torch.cuda.set_per_process_memory_fraction(1.0)
    np.testing.assert_allclose(engine.logits(views), scarce, atol=1e-3)


async def test_many_files_at_once_each_get_their_own_scores() -> None:
    model = load(ModelSpec(timm="open-nsfw"), GPU, "auto")
    plain = load(ModelSpec(timm="open-nsfw"), "cpu", "torch")
    rng = np.random.default_rng(2)
    files = [
        np.clip(rng.integers(0, 256, (1, 1, 1, 3)) + rng.integers(-20, 20, (count, 224, 224, 3)), 0, 255).astype(
            np.uint8
        )
        for count in (15, 1, 28, 3)
    ]
    wanted = [plain.forward(views) for views in files]
    batcher = Batcher([Device({"m": model}, model.lanes, prepare)])
    try:
        found = await asyncio.gather(
            *(batcher.classify("m", files[number % 4], time.monotonic() + 60) for number in range(200))
        )
    finally:
        await asyncio.to_thread(batcher.close)
    for number, rows in enumerate(found):
        np.testing.assert_allclose(rows, wanted[number % 4], atol=TOLERANCE)
    assert "cuda:0 (" in batcher.device
