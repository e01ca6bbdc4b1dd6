"""The network run by onnxruntime, on the CPU: about twice as fast as torch there.

The network is exported from torch in memory, at start; nothing is read from or written to a file. That the export says
the same as torch is checked at each start (model/choice.py), since exporters differ in what they know.
"""

from __future__ import annotations

import io
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from os import PRIO_PROCESS, getpriority, setpriority
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from model.eager import CPU_BATCH
from model.scorer import Scorer

NICE = 5
"""How much the model's threads stand back for others (as `nice -n 5`). They use all cores; the event loop and the
decoders, which need little and should have it at once, go first."""

_QUIET = 3  # onnxruntime's own log: errors only


class OnnxEngine:
    """An Engine: onnxruntime on `threads` cores."""

    name = "onnxruntime"
    batch = CPU_BATCH
    lanes = 1

    def __init__(self, scorer: Scorer, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = _QUIET
        # Threads that wait by spinning take the cores from the event loop and the decoders.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        with ThreadPoolExecutor(1, initializer=stand_back) as thread:  # its own threads do as the one that starts them
            self._session: Any = thread.submit(
                onnxruntime.InferenceSession, export(scorer), options, providers=["CPUExecutionProvider"]
            ).result()

    def logits(self, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See Engine."""
        found: NDArray[np.float32] = self._session.run(None, {"views": views})[0]
        return found


def export(scorer: Scorer) -> bytes:
    """The scorer as an ONNX model: `views`, uint8 (N, height, width, 3), to `logits`, float32 (N, labels), for any N.

    By torch's older exporter: the newer one takes 20 s of a start where this takes one, and another package. Raises
    whatever the exporter raises for what it does not know.
    """
    out = io.BytesIO()
    example = torch.zeros((2, scorer.height, scorer.width, 3), dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecation, and constants of the graph that depend on the size of a view
        export_older: Any = torch.onnx.export  # which takes a stream, whatever its types say
        export_older(
            scorer,
            (example,),
            out,
            dynamo=False,
            input_names=["views"],
            output_names=["logits"],
            dynamic_axes={"views": {0: "n"}, "logits": {0: "n"}},
        )
    return out.getvalue()


def stand_back() -> None:
    """Let this thread, and those it starts, stand back for others, where threads may do that."""
    thread = threading.get_native_id()
    with suppress(OSError):
        if sys.platform == "linux" and getpriority(PRIO_PROCESS, thread) < NICE:
            setpriority(PRIO_PROCESS, thread, NICE)
