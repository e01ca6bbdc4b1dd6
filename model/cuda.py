"""The network on a GPU: half precision, fixed batch sizes, and the next batch travels while this one is computed.

Two threads (lanes) take turns: while one waits for its forward, the other copies its views into pinned memory and from
there to the device, on a stream of its own, and puts its forward behind that one. Forwards are one at a time, since
those of all models on a device are on one stream (the default one), without a gap between them. Batches are filled up
to a power of two, so that cuDNN has seen every size before the first picture comes, and each size is one CUDA graph,
replayed with one call instead of some hundreds of launches.

On an H200 (torch 2.11) open-nsfw comes to 19,400 views a second in batches of 64 by two lanes, where timm's own forward
in fp16 on views that are there already makes 8,500, and a ViT-B/16 to 8,000 (7,900). torch.compile makes 1.5 and 1.2
times as many, for 14 and 9 seconds at each start and the need of a compiler: decoding is far slower than either.

Half precision has gaps: what is no number there is computed once more in single precision, with a second set of
weights. How far scores are apart otherwise is measured at start (model/choice.py), and an engine that is not exact
enough is not used.
"""

from __future__ import annotations

import copy
import logging
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model.eager import as_array
from model.engine import sizes
from model.lane import Lane, stream
from model.scorer import Scorer

log = logging.getLogger(__name__)

GPU_BATCH = 64
"""Views in one forward on a GPU, at most: beyond it a small network gains nothing, and a large one needs gigabytes."""
NO_MEMORY = ("out of memory", "ALLOC_FAILED")
"""What errors of CUDA, cuBLAS and cuDNN say that are not torch.OutOfMemoryError."""
LANES = 2
"""One batch travels while another is computed."""


class CudaEngine:
    """An Engine on `device` (`cuda:0`). `half`: in fp16 where torch's autocast knows it to be safe; `graphs`: as such.

    Makes ready for every batch size at once, which takes seconds. Raises whatever torch raises on that device.
    """

    lanes = LANES

    def __init__(
        self, scorer: Scorer, device: str, *, half: bool = True, graphs: bool = True, batch: int = GPU_BATCH
    ) -> None:
        self.name = "torch, fp16" if half else "torch"
        self._device = torch.device(device)
        self._single = scorer.to(self._device).to(memory_format=torch.channels_last)
        self._scorer = _in_half(self._single) if half else self._single
        self._half = half
        self._turn = threading.Lock()
        self._free: queue.SimpleQueue[Lane] = queue.SimpleQueue()
        self._programs: dict[int, _Program] = {}
        with torch.cuda.device(self._device), torch.inference_mode():
            side, pool = stream(), torch.cuda.graph_pool_handle() if graphs else None
            for size in reversed(sizes(batch)):  # the largest first: the others find their memory in its
                try:
                    with _memory_told():
                        self._programs[size] = self._program(size, side, pool)
                except MemoryError:
                    if size == 1 or self._programs:
                        raise
                    log.warning("%s: no memory for %d views at once", device, size)
            self.batch = max(self._programs)
            with _memory_told():
                shape = (self.batch, scorer.height, scorer.width, 3)
                for _ in range(LANES):
                    self._free.put(Lane(shape, self._programs[self.batch].logits.shape, self._device))

    def logits(self, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See Engine."""
        size = next(size for size in sizes(self.batch) if size >= len(views))
        with _memory_told(), torch.cuda.device(self._device), torch.inference_mode():
            found = self._run(size, views)
            wrong = ~np.isfinite(found).all(axis=1)
            if self._half and wrong.any():
                with self._turn:
                    single = self._single(torch.from_numpy(np.ascontiguousarray(views[wrong])).to(self._device))
                    found[wrong] = as_array(single)
            return found

    def _run(self, size: int, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        lane = self._free.get()
        try:
            return self._in_lane(lane, size, views)
        finally:
            self._free.put(lane)

    def _in_lane(self, lane: Lane, size: int, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        lane.send(views)
        with self._turn:
            program = self._programs[size]
            lane.deliver(program.views)
            there = lane.fetch(self._step(program)[: len(views)])
        there.synchronize()  # the next batch is in the queue by now; this lane is not used again before its own is over
        return lane.read(len(views))

    def _step(self, program: _Program) -> Tensor:
        if program.graph is None:
            return self._forward(program.views)
        program.graph.replay()
        return program.logits

    def _forward(self, views: Tensor) -> Tensor:
        with torch.autocast(self._device.type, torch.float16, enabled=self._half):
            logits: Tensor = self._scorer(views)
            return logits

    def _program(self, size: int, side: torch.cuda.Stream, pool: Any) -> _Program:
        views = torch.zeros((size, self._scorer.height, self._scorer.width, 3), dtype=torch.uint8, device=self._device)
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # a graph may not be the first to run: cuDNN chooses its ways in a first run
            for _ in range(3):
                logits = self._forward(views)
        torch.cuda.current_stream().wait_stream(side)
        if pool is None:
            return _Program(views, logits, None)
        graph = torch.cuda.CUDAGraph()
        # on a stream of this device: the one that torch takes by itself belongs to the first device that captured
        with torch.cuda.graph(graph, pool=pool, stream=side):
            logits = self._forward(views)
        return _Program(views, logits, graph)


def _in_half(scorer: Scorer) -> Scorer:
    """A copy whose weights are in fp16 already where autocast would turn them into it in every single forward.

    Only in layers that are exactly torch's own: what others do with their weights before they use them is not known.
    """
    made = copy.deepcopy(scorer)
    for module in made.modules():
        if type(module) in (nn.Conv2d, nn.Linear):
            module.half()
    return made


@dataclass(frozen=True)
class _Program:
    """One fixed batch size: its input on the device, its output, and the graph between them, if there is one."""

    views: Tensor
    logits: Tensor
    graph: torch.cuda.CUDAGraph | None


@contextmanager
def _memory_told() -> Iterator[None]:
    """Turn all the ways in which CUDA says that memory does not suffice into MemoryError."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and not any(words in str(error) for words in NO_MEMORY):
            raise
        told = str(error)
    else:
        return
    with suppress(RuntimeError):  # which it raises after a capture that failed, in torch before 2.13
        torch.cuda.empty_cache()
    raise MemoryError(told)
