"""The way of one batch to a GPU and back: memory that it can copy from while the processor goes on, and a stream.

A lane is used by one batch at a time. Its views travel on a stream of its own, beside the forward of another lane's;
its scores come back behind its own forward, on the stream of the forwards.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Lane:
    """For batches of at most `shape[0]` views, uint8 `shape`, with answers float32 `answers`, on `device`.

    Raises whatever torch raises where there is no memory for it. Belongs into `torch.inference_mode()`.
    """

    def __init__(self, shape: tuple[int, ...], answers: tuple[int, ...], device: torch.device) -> None:
        self.stream = stream()
        # made on the lane's own stream: whatever another stream has yet to write there would come after the copy
        with torch.cuda.stream(self.stream):
            self.arrived = torch.zeros(shape, dtype=torch.uint8, device=device)
        self.pinned = _pinned(shape, torch.uint8)
        self.answers = _pinned(answers, torch.float32)

    def send(self, views: NDArray[np.uint8]) -> None:
        """Let views travel. They are in `pinned` when this returns, and under way."""
        count = len(views)
        self.pinned[:count].numpy()[:] = views
        with torch.cuda.stream(self.stream):
            self.arrived[:count].copy_(self.pinned[:count], non_blocking=True)

    def deliver(self, into: Tensor) -> None:
        """Have the current stream wait for them and copy them into a program's input; what it has beyond them stays
        that of an earlier batch."""
        torch.cuda.current_stream().wait_stream(self.stream)
        into.copy_(self.arrived[: len(into)])

    def fetch(self, answers: Tensor) -> torch.cuda.Event:
        """Have the current stream bring answers back, behind all that it has to do; the event tells when it has."""
        self.answers[: len(answers)].copy_(answers, non_blocking=True)
        there = _event()
        there.record()
        return there

    def read(self, count: int) -> NDArray[np.float32]:
        """The answers that are there: a copy of the first `count`."""
        return np.array(self.answers[:count].numpy())


def stream() -> torch.cuda.Stream:
    """A new one, on the current device."""
    make: Any = torch.cuda.Stream
    made: torch.cuda.Stream = make()
    return made


def _event() -> torch.cuda.Event:
    make: Any = torch.cuda.Event
    made: torch.cuda.Event = make(blocking=True)  # who waits for it sleeps; by default he would spin on a core
    return made


def _pinned(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Memory that a device can copy from and to while the processor goes on."""
    return torch.zeros(shape, dtype=dtype, pin_memory=True)
