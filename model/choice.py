"""Which engine runs a network here: the fastest one that says what torch says in single precision.

Engines are tried from the fastest to the plainest. One that cannot be made on this machine, or that is not exact
enough, is left out with a line in the log; on a CPU the two that are left run a race. So whatever exporters, drivers
and half precision do to a network, it decides about pictures as it was published or not at all.
"""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray

from config.settings import EngineName
from model.cores import cores
from model.cuda import CudaEngine
from model.eager import EagerEngine
from model.engine import Engine, difference, probes
from model.errors import ModelError
from model.onnxengine import OnnxEngine, stand_back
from model.scorer import Scorer

log = logging.getLogger(__name__)

TOLERANCE = 0.005
"""How far a score may be from that of torch in single precision on the CPU. Thresholds have two digits."""
RACES = 3
"""Forwards of a full batch that are timed for each engine; the fastest of them counts."""

Make = Callable[[], Engine]


def choose(scorer: Scorer, device: str, backend: EngineName) -> Engine:
    """The engine for `scorer` (on the CPU still) on `device` (`cpu` or `cuda:N`).

    `backend` is what the operator wants: "torch" and "onnxruntime" are taken at their word. Raises ModelError when that
    cannot be had, or when nothing can.
    """
    if device != "cpu":
        return _on_gpu(scorer, device, backend)
    plain = EagerEngine(scorer)
    if backend == "torch":
        return plain
    views = probes(scorer.height, scorer.width)
    other = first([("onnxruntime", lambda: OnnxEngine(scorer, cores()))], plain, views)
    if other is None:
        if backend == "onnxruntime":
            raise ModelError("onnxruntime cannot run this model (the log says why); write `backend: auto`, or torch")
        return plain
    if backend == "onnxruntime":
        return other
    return min((other, plain), key=lambda engine: seconds(engine, views))


def _on_gpu(scorer: Scorer, device: str, backend: EngineName) -> Engine:
    if backend == "onnxruntime":
        raise ModelError("backend: onnxruntime runs on the CPU here; write `device: cpu`, or `backend: auto`")
    views = probes(scorer.height, scorer.width)
    # what torch says on the CPU, kept, since the scorer itself moves to the device
    plain = Recorded(EagerEngine(scorer), views)
    ways: list[tuple[str, Make]] = [
        ("fp16 and CUDA graphs", lambda: CudaEngine(scorer, device)),
        ("fp16", lambda: CudaEngine(scorer, device, graphs=False)),
        ("single precision", lambda: CudaEngine(scorer, device, half=False, graphs=False)),
    ]
    found = first(ways, plain, views)
    if found is None:
        raise ModelError(f"the model does not run on {device} (the log says why); write `device: cpu`")
    return found


class Recorded:
    """An Engine that gives again what another one gave for each of `views` alone."""

    lanes = 1
    batch = 1

    def __init__(self, engine: Engine, views: NDArray[np.uint8]) -> None:
        self.name = engine.name
        self._known = {view.tobytes(): engine.logits(view[None]) for view in views}

    def logits(self, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See Engine. KeyError for others."""
        return np.concatenate([self._known[view.tobytes()] for view in views])


def first(ways: Sequence[tuple[str, Make]], plain: Engine, views: NDArray[np.uint8]) -> Engine | None:
    """The first engine that can be made and says what `plain` says about `views`, or None."""
    for name, make in ways:
        with ThreadPoolExecutor(1, initializer=prepare) as thread:  # as the one in which it will run
            trial = thread.submit(_tried, make, plain, views)
        if (error := trial.exception()) is None:  # exporters and drivers raise what they like
            engine, apart = trial.result()
            if apart <= TOLERANCE:
                return engine
            log.warning("%s is not used: its scores may be %.3f from what they should be", name, apart)
            del engine
        else:
            log.warning("%s cannot be used: %s: %s", name, type(error).__name__, str(error)[:500])
        del trial, error  # they hold the engine, and with it its memory on the device, while the next one is made
        gc.collect()
    return None


def _tried(make: Make, plain: Engine, views: NDArray[np.uint8]) -> tuple[Engine, float]:
    engine = make()
    return engine, difference(plain, engine, views)


def seconds(engine: Engine, views: NDArray[np.uint8]) -> float:
    """How long a view takes in a full batch, which is how views come when there is much to do."""
    batch = np.resize(views, (engine.batch, *views.shape[1:]))  # the same ones again, where there are too few
    times = []
    for _ in range(RACES):
        began = time.perf_counter()
        engine.logits(batch)
        times.append(time.perf_counter() - began)
    return min(times) / len(batch)


def prepare() -> None:
    """Called first in each thread where models run, which keeps these numbers: see `leave_a_core` and `stand_back`."""
    leave_a_core()
    stand_back()


def leave_a_core() -> None:
    """Let torch use all cores but one, in this thread, since torch keeps this number by thread.

    One core stays for the event loop and the decoders. torch's threads wait by spinning: with as many as there are
    cores, a busy neighbour makes a forward ten times slower (seen on two cores: 26 ms alone, seconds with company; with
    one thread 34 ms in both cases).
    """
    torch.set_num_threads(max(1, cores() - 1))
