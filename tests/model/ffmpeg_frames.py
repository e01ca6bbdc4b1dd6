"""The frames of an animation as FFmpeg sees them: a second opinion, through PyAV, in this process.

FFmpeg composes GIF and APNG itself. Of WebP its version 8.1 knows stills only. Of an AVIF that holds both a still and
an animation it lists both as streams, and the alpha of each as one more.
"""

from __future__ import annotations

import io

import av
import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from model.formats.media import AVIF, GIF, JPEG, PNG, WEBP, MediaType

DEMUXERS = {JPEG: "jpeg_pipe", GIF: "gif", PNG: "apng", WEBP: "webp_pipe", AVIF: "mov"}
"""One demuxer each, so that FFmpeg opens the file as nothing else."""


def ffmpeg_frames(data: bytes, media: MediaType, stream: int = 0, *, forgive: bool = False) -> list[NDArray[np.uint8]]:
    """Each composed frame of one stream of pictures, uint8 (height, width, 4), RGBA.

    One thread: with several, swscale once gave a row of a tiny picture twice. Raises FFmpegError for what FFmpeg
    refuses; or, to `forgive`, leaves out the frames that it cannot decode and goes on behind them, as the program
    ffmpeg does. IndexError if there is no such stream.
    """
    frames: list[VideoFrame] = []
    with av.open(io.BytesIO(data), "r", format=DEMUXERS[media], metadata_errors="replace") as container:
        pictures = container.streams.video[stream]
        pictures.thread_type = "NONE"
        packets = container.demux(pictures)
        while True:
            try:
                packet = next(packets, None)
            except FFmpegError:
                if not forgive:
                    raise
                break
            if packet is None:
                break
            try:
                frames += pictures.decode(packet)
            except FFmpegError:
                if not forgive:
                    raise
        return [frame.to_ndarray(format="rgba", threads=1).astype(np.uint8, copy=False) for frame in frames]
