"""Ways to kill what the filter depends on, each in the middle of requests, each counted."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from random import Random
from typing import Any, NoReturn

import numpy as np

from tests.chaos.leaks import decoders
from tests.chaos.load import Load
from tests.chaos.pictures import Fault, Scores
from tests.chaos.scene import Scene

PATIENCE_SECONDS = 60.0
MOST_PAUSE_SECONDS = 0.03
"""Between two kills, and between a death and the next life."""
IDLE_SECONDS = 0.02
CLASSIFIER_FAULTS: tuple[Any, ...] = (
    ValueError("chaos"),
    MemoryError("chaos"),
    RuntimeError("CUDA error: an illegal memory access was encountered"),
    OSError("chaos"),
    asyncio.CancelledError("chaos"),
    np.array([[np.nan, np.nan]], np.float32),
    np.zeros((0, 2), np.float32),
    None,
)
"""What a forward raises or answers."""


def fault(what: Any) -> Fault:
    """A forward that raises `what`, or answers it."""

    def raising() -> NoReturn:
        raise what

    def answering() -> Scores:
        return what  # type: ignore[no-any-return]

    return raising if isinstance(what, BaseException) else answering


def classifiers() -> list[threading.Thread]:
    """The threads in which models run."""
    return [each for each in threading.enumerate() if each.name.startswith("classifier") and each.is_alive()]


def end_thread(thread: threading.Thread) -> None:
    """Raise SystemExit in it, as soon as it runs Python code again."""
    number, what = ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit)
    if ctypes.pythonapi.PyThreadState_SetAsyncExc(number, what) != 1:
        raise RuntimeError("there is no such thread")


class Kills:
    """Kills drawn from `random`; `done` counts them by kind. Each waits until requests are in hand."""

    def __init__(self, scene: Scene, load: Load, random: Random) -> None:
        self._scene = scene
        self._load = load
        self._random = random
        self.done: Counter[str] = Counter()
        self._ended: tuple[threading.Thread | None, float] = (None, 0.0)  # and when the last forward was then
        self._ways: dict[str, Callable[[], None]] = {
            "decoder": self.decoder,
            "classifier": self.classifier,
            "thread": self.thread,
            "pict-rs": self.pictrs,
            "listener": self.listener,
            "client": self.client,
        }

    def run(self, weights: Mapping[str, int], served: int = 0) -> None:
        """Each kind as often as its weight says, in a random order; `served` requests succeed between two kills."""
        order = [kind for kind, times in weights.items() for _ in range(times)]
        self._random.shuffle(order)
        for kind in order:
            self._pause()
            enough = self._load.served + served
            self._wait(lambda enough=enough: self._load.served >= enough and self._scene.in_hand)  # type: ignore[misc]
            self._ways[kind]()
            self.done[kind] += 1

    def decoder(self) -> None:
        """SIGKILL to one of the decoders."""
        self._wait(decoders)
        with suppress(ProcessLookupError, IndexError):
            os.kill(self._random.choice(decoders()), signal.SIGKILL)

    def classifier(self) -> None:
        """The next forward fails."""
        self._wait(lambda: self._scene.model.fault is None)
        self._scene.model.fault = fault(self._random.choice(CLASSIFIER_FAULTS))

    def thread(self) -> None:
        """The classifier's thread ends at its next job.

        Only an idle one: an exception from outside can hit a thread while it takes a lock, which then stays taken.
        """
        self._wait(lambda: self._living() and time.monotonic() - self._scene.model.last > IDLE_SECONDS)
        thread = self._living()[0]
        self._ended = thread, self._scene.model.last
        end_thread(thread)

    def _living(self) -> list[threading.Thread]:
        """Not one that is about to end, and would be hit outside of its work; but one that got over it is."""
        thread, last = self._ended
        return [each for each in classifiers() if each is not thread or self._scene.model.last > last]

    def pictrs(self) -> None:
        """pict-rs dies with all its connections, and is back soon."""
        self._scene.upstream.kill()
        self._pause()
        self._scene.upstream.revive()

    def listener(self) -> None:
        """Nobody listens for pict-rs's calls; those in hand are cut too, or go on."""
        self._scene.close_listener(cut=self._random.random() < 0.5)
        self._pause()
        self._scene.open_listener()

    def client(self) -> None:
        """One client's connection ends."""
        self._wait(lambda: self._load.cut(self._random))

    def _pause(self) -> None:
        time.sleep(self._random.uniform(0, MOST_PAUSE_SECONDS))

    def _wait(self, true: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not true():
            assert time.monotonic() < end, "what is to be killed does not come"
            time.sleep(0.001)
