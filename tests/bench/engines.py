"""What batching costs: a view through the batcher, with many callers, beside the bare forward of the same engine.

In this process, in turns. Precision and batch are the same in all; what is compared is the work around the forward, and
the engine that was chosen with torch as most programs use it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray

from config.policy import ModelSpec
from model import choice, sources
from model.batcher import Batcher
from model.device import Device
from model.weights import LoadedModel, load
from tests.bench.sizes import Sizes

MODEL = ModelSpec(timm="open-nsfw")
BATCHES = 26
"""Batches in a turn: enough that what comes before the first and after the last hardly counts."""
VIEWS = 13
"""Views of an ordinary photo."""
FAR_SECONDS = 600.0
"""A deadline that is not met."""

Views = NDArray[np.uint8]
Forward = Callable[[Views], object]


def measure(sizes: Sizes, say: Callable[[str], None]) -> dict[str, dict[str, list[float]]]:
    """Seconds a view by way, in turns there and back. The first way is the bare forward of what `auto` chooses."""
    model = load(MODEL, "auto")
    shape = (VIEWS, model.view.height, model.view.width, 3)
    callers = BATCHES * model.batch // VIEWS
    files = [np.random.default_rng(number).integers(0, 256, shape, np.uint8) for number in range(callers)]
    say(f"{sizes.forwards} turns of {callers} files of {VIEWS} views on {model.device}")
    with ThreadPoolExecutor(1, initializer=choice.prepare) as thread:
        gpu = model.device.startswith("cuda")
        plain = thread.submit(_on_gpu if gpu else _on_cpu).result()
        ways: dict[str, Callable[[], object]] = {
            f"bare forward of {model.device}": lambda: thread.submit(_all, model.forward, files, model.batch).result(),
            "through the batcher": lambda: asyncio.run(_batched(model, files)),
            f"timm's forward in torch, {'fp16' if gpu else 'on the CPU'}": lambda: thread.submit(
                _all, plain, files, model.batch
            ).result(),
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(sizes.forwards + 1):
            for name in ways if turn % 2 == 0 else reversed(list(ways)):
                began = time.perf_counter()
                ways[name]()
                if turn:  # the first one is to warm up
                    seconds[name].append((time.perf_counter() - began) / (callers * VIEWS))
    return {"a view of the embedded model": seconds}


def _all(forward: Forward, files: Sequence[Views], batch: int) -> None:
    for views in np.array_split(np.concatenate(files), -(-len(files) * VIEWS // batch)):
        forward(views)


async def _batched(model: LoadedModel, files: Sequence[Views]) -> None:
    batcher = Batcher([Device({"m": model}, model.lanes, choice.prepare)])
    deadline = time.monotonic() + FAR_SECONDS
    await asyncio.gather(*(batcher.classify("m", views, deadline) for views in files))
    await asyncio.to_thread(batcher.close)


def _on_cpu() -> Forward:
    """The network as timm makes it, in inference mode, on pixels that are made on the spot."""
    network = sources.network(MODEL).eval()

    def forward(views: Views) -> object:
        with torch.inference_mode():
            return network(torch.from_numpy(views).permute(0, 3, 1, 2).float().div_(255)).softmax(1).numpy()

    return forward


def _on_gpu() -> Forward:
    """The same network and batches as a careful program runs them: channels_last, autocast, views already there.

    What comes back is waited for, as scores must be.
    """
    network = sources.network(MODEL).eval().to("cuda:0", memory_format=torch.channels_last)
    there: dict[int, torch.Tensor] = {}

    def forward(views: Views) -> object:
        with torch.inference_mode(), torch.autocast("cuda", torch.float16):
            if len(views) not in there:
                there[len(views)] = torch.from_numpy(views).to("cuda:0").permute(0, 3, 1, 2).float().div_(255)
            return network(there[len(views)]).softmax(1).cpu().numpy()

    return forward
