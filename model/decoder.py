"""The decoder process: reads files from its standard input, writes views to its standard output, one after another.

`model.sandbox` starts it with an empty environment. It imports all that it needs, limits itself (model/confine.py),
says that it is ready, and only then takes a file. It ends at the end of its input. Of what goes wrong, only what is the
file's fault is answered; any other exception ends the process, and the pool starts another one. Neither torch nor
pydantic is loaded here.
"""

from __future__ import annotations

import os
import sys
from typing import BinaryIO

from PIL import AvifImagePlugin, GifImagePlugin, Image, ImageCms, MpoImagePlugin, PngImagePlugin, WebPImagePlugin
from pillow_jxl import JpegXLImagePlugin

from model import pipe
from model.confine import allow_cpu, confine
from model.decode import decode
from model.errors import TooLarge, Undecodable, Unsupported
from model.job import READY, Job, answer, refusal
from model.media import MEDIA_TYPES

MIB = 1024 * 1024
PRELOADED = (AvifImagePlugin, GifImagePlugin, ImageCms, MpoImagePlugin, PngImagePlugin, WebPImagePlugin)
"""Imported above so that nothing has to be looked for once untrusted bytes are here."""
_BY_NAME = {media.name: media for media in MEDIA_TYPES}


def main() -> None:
    """The life of a decoder process."""
    requests = sys.stdin.buffer
    replies = _own_stdout()
    Image.preinit()
    # One thread: the decoder may start none, and Pillow would ask for one per processor.
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    JpegXLImagePlugin.DECODE_THREADS = 0  # of which it is one if there are none beside it
    if (first := pipe.read(requests, 0)) is None:
        return
    job = Job.unpack(first[0])
    confine(job.memory_mib * MIB)
    pipe.write(replies, READY)
    while (request := pipe.read(requests, job.max_file_bytes)) is not None:
        header, data = request
        allow_cpu(job.cpu_seconds)
        reply, arrays = _answer(job, str(header["media"]), data)
        pipe.write(replies, reply, arrays)


def _answer(job: Job, name: str, data: bytes) -> tuple[dict[str, object], list[memoryview]]:
    try:
        views = decode(data, _BY_NAME[name], job.limits, job.specs, job.plan)
    except (Undecodable, Unsupported, TooLarge) as error:
        return refusal(error), []
    return answer(views), [array.data for array in views.arrays]


def _own_stdout() -> BinaryIO:
    """The pipe to the pool, out of reach of whatever else prints: that goes to standard error from now on."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return replies
