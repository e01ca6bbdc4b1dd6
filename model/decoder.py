"""The decoder process: reads files from its standard input, writes views (or a still encoded anew) to its standard
output, one after another.

`model.sandbox` starts it with an empty environment. It imports all that it needs, puts barriers around itself
(model/confine.py), says that it is ready, and only then takes a file. It ends at the end of its input. Of what goes
wrong, only what is the file's fault is answered; any other exception ends the process, and the pool starts another
one. Neither torch nor pydantic is loaded here.
"""

from __future__ import annotations

import codecs
import importlib
import os
import sys
from collections.abc import Sequence
from typing import BinaryIO, NoReturn

from PIL import AvifImagePlugin, Image
from pillow_jxl import JpegXLImagePlugin

from model import memfd, pipe
from model.barriers import ready
from model.confine import allow_cpu, confine
from model.decode import decode
from model.encoding import encoded
from model.errors import TooLarge, Undecodable, Unsupported
from model.formats.media import MEDIA_TYPES
from model.job import Job, answer, new_file, refusal

MIB = 1024 * 1024
PRELOADED = (
    *("PIL.GifImagePlugin", "PIL.JpegImagePlugin", "PIL.MpoImagePlugin", "PIL.PngImagePlugin", "PIL.WebPImagePlugin"),
    *("PIL.TiffImagePlugin", "PIL.ImageCms", "PIL.ImageColor", "PIL.ImageFilter", "PIL.ImagePalette"),
    *("av", "av.audio.codeccontext", "av.subtitles.codeccontext", "av.subtitles.stream", "av.video.codeccontext"),
    *("colorsys", "copy", "linecache", "logging", "mmap", "signal", "tempfile", "tokenize", "traceback"),
)
"""What Pillow and PyAV import in the middle of a function (EXIF is a TIFF), and Python when it prints a traceback."""
CODECS = ("ascii", "latin-1", "utf-8", "utf-16", "utf-16-le", "utf-16-be", "unicode-escape")
"""Encodings of text in metadata, each a module of its own."""
_BY_NAME = {media.name: media for media in MEDIA_TYPES}


class LateImport(Exception):
    """A module that should stand in PRELOADED. No ImportError: libraries take that for "go on without it"."""


class _NoMoreImports:
    """A finder of modules that finds none."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: object = None) -> NoReturn:
        raise LateImport(name)


def main() -> None:
    """The life of a decoder process."""
    requests = sys.stdin.buffer
    replies = _own_stdout()
    preload()
    if (first := pipe.read(requests, 0)) is None:
        return
    windows = _windows(first[0].pop("windows", None))
    job = Job.unpack(first[0])
    words = confine(job.memory_mib * MIB)
    sys.meta_path[:] = [_NoMoreImports]
    pipe.write(replies, ready(words))
    while (request := pipe.read(requests, job.max_file_bytes)) is not None:
        header, data = request
        allow_cpu(job.cpu_seconds)
        if windows:
            data = memfd.read(windows[0], int(str(header["bytes"])))
        if header.get("normalise"):
            reply, blocks = _encode(job, str(header["media"]), data)
        else:
            reply, blocks = _answer(job, str(header["media"]), data)
            if windows:
                memfd.write_mapped(windows[1], blocks)
                blocks = []
        pipe.write(replies, reply, blocks)


def preload() -> None:
    """Load whatever decoding takes, as nothing can be looked for once untrusted bytes are here."""
    for name in PRELOADED:
        importlib.import_module(name)
    for name in CODECS:
        codecs.lookup(name)
    Image.preinit()
    # No threads: the decoder may start none, and these would ask for one per processor.
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    JpegXLImagePlugin.DECODE_THREADS = 0


def _windows(descriptors: object) -> list[int]:
    """The descriptors of the window for files and of that for views; none where all goes through the pipes."""
    return [int(fd) for fd in descriptors] if isinstance(descriptors, list) else []


def _answer(job: Job, name: str, data: bytes) -> tuple[dict[str, object], list[memoryview]]:
    try:
        views = decode(data, _BY_NAME[name], job.limits, job.specs, job.plan)
    except (Undecodable, Unsupported, TooLarge) as error:
        return _refused(error)
    arrays = (*views.arrays, *views.magnified, views.pdq, views.quality)
    return answer(views), [array.data for array in arrays if array.size]


def _encode(job: Job, name: str, data: bytes) -> tuple[dict[str, object], list[memoryview]]:
    try:
        new = encoded(data, _BY_NAME[name], job.limits, job.max_file_bytes)
    except (Undecodable, Unsupported, TooLarge) as error:
        return _refused(error)
    return new_file(new), [] if new is None else [memoryview(new)]


def _refused(error: Undecodable | Unsupported | TooLarge) -> tuple[dict[str, object], list[memoryview]]:
    if _is_ours(error):
        raise error
    return refusal(error), []


def _is_ours(error: BaseException) -> bool:
    """Whether something was refused by what confines this process: no file can be blamed for that.

    Pillow's errors of broken files are OSErrors too.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, PermissionError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _own_stdout() -> BinaryIO:
    """The pipe to the pool, out of reach of whatever else prints: that goes to standard error from now on."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return replies
