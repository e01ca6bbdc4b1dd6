"""Videos made by FFmpeg's encoders when they are needed, tiny and innocent, and a hand that patches their boxes."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from fractions import Fraction
from functools import cache
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.video.stream import VideoStream
from numpy.typing import NDArray

from tests.model.samples import picture
from tests.priority import ordinary_priority

SIZE = (64, 48)
QUIET = {"libx265": {"x265-params": "log-level=none"}, "libsvtav1": {"svtav1-params": "lp=1", "preset": "12"}}
RATE = 25


class AnyLimits:
    """Those of the settings; a test may set one."""

    max_side_pixels = 10_000
    max_area_pixels = 40_000_000
    max_frames = 900
    max_video_side_pixels = 3840
    max_video_area_pixels = 8_294_400
    max_video_total_pixels = 850_000_000
    max_video_seconds = 86_400

    def __init__(self, **limits: int) -> None:
        vars(self).update(limits)


def moving(count: int, size: tuple[int, int] = SIZE) -> list[NDArray[np.uint8]]:
    """So many RGB arrays (height, width, 3) of a noisy picture that moves to the left."""
    wide = np.asarray(picture(size=(size[0] + 2 * count, size[1])))
    return [np.ascontiguousarray(wide[:, 2 * shift : 2 * shift + size[0]]) for shift in range(count)]


def encode(
    images: Sequence[NDArray[np.uint8]],
    codec: str,
    kind: str,
    *,
    audio: str = "",
    pixels: str = "yuv420p",
    rotate: int = 0,
    muxer: dict[str, str] | None = None,
    encoder: dict[str, str] | None = None,
    prepare: Callable[[VideoStream], Any] = lambda stream: None,
) -> bytes:
    """A file of `kind` (FFmpeg's name of the container), the RGB arrays in it by `codec`, silence by `audio`."""
    out = io.BytesIO()
    with ordinary_priority(), av.open(out, "w", format=kind, options=muxer or {}) as target:
        stream = target.add_stream(codec, rate=RATE, options=QUIET.get(codec, {}) | (encoder or {}))
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = pixels
        stream.codec_context.thread_count = 1
        if rotate:
            stream.set_display_rotation(rotate)
        prepare(stream)
        sound = target.add_stream(audio, rate=48000) if audio else None
        assert sound is None or isinstance(sound, AudioStream)
        for index, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            target.mux(stream.encode(frame))
            if sound is not None:
                silence = av.AudioFrame.from_ndarray(np.zeros((1, 1920), np.int16), format="s16", layout="mono")
                silence.sample_rate, silence.pts = 48000, index * 1920
                target.mux(sound.encode(silence))
        target.mux(stream.encode(None))
        if sound is not None:
            target.mux(sound.encode(None))
    return out.getvalue()


@cache
def video(codec: str = "libx264", kind: str = "mp4", frames: int = 12, audio: str = "", rotate: int = 0) -> bytes:
    """Frames that move, its boxes in the order in which they are written."""
    return encode(moving(frames), codec, kind, audio=audio, rotate=rotate)


def box(kind: bytes, content: bytes = b"") -> bytes:
    """An ISO box."""
    return (8 + len(content)).to_bytes(4) + kind + content


def place(data: bytes, path: str) -> tuple[int, int]:
    """Start and end of a box's content by its path: `moov trak1 mdia` is the mdia of the second track.

    `stsd` and a sample entry may be passed through too.
    """
    start, end = 0, len(data)
    for step in path.split():
        kind, nth = (step[:4], int(step[4:])) if step[4:].isdigit() else (step, 0)
        at = start
        while True:
            size = int.from_bytes(data[at : at + 4])
            assert 8 <= size <= end - at, f"no {step} of {path}"
            if data[at + 4 : at + 8] == kind.ljust(4).encode("latin-1"):
                if not nth:
                    break
                nth -= 1
            at += size
        start, end = at + 8, at + size
        if kind in ("stsd", "dref"):
            start += 8
        if kind in ("avc1", "hvc1", "hev1", "av01"):
            start += 78
    return start, end


def patch(data: bytes, path: str, change: Callable[[bytes], bytes]) -> bytes:
    """The content of the box at a path replaced; the boxes around it grow or shrink. Offsets into the file stay."""
    start, end = place(data, path)
    new = change(data[start:end])
    grown = len(new) - (end - start)
    out = bytearray(data[:start] + new + data[end:])
    steps = path.split()
    for depth in range(1, len(steps) + 1):
        head = place(data, " ".join(steps[:depth]))[0] - 8
        if steps[depth - 1][:4] in ("stsd", "dref"):
            head -= 8
        if steps[depth - 1][:4] in ("avc1", "hvc1", "hev1", "av01"):
            head -= 78
        out[head : head + 4] = (int.from_bytes(out[head : head + 4]) + grown).to_bytes(4)
    return bytes(out)


def put(data: bytes, path: str, at: int, new: bytes) -> bytes:
    """Bytes overwritten, so many from the start of the content of the box at a path; it may be less than none."""
    at += place(data, path)[0]
    return data[:at] + new + data[at + len(new) :]


def add(data: bytes, path: str, new: bytes) -> bytes:
    """A box more at the end of the one at a path."""
    return patch(data, path, lambda content: content + new)


def rename(data: bytes, path: str, kind: bytes) -> bytes:
    """Another type for the box at a path."""
    head = place(data, path)[0] - 4
    if path.split()[-1][:4] in ("avc1", "hvc1", "hev1", "av01"):
        head -= 78
    return data[:head] + kind + data[head + 4 :]


def index_in_front(data: bytes) -> bytes:
    """The same MP4 with its moov before its mdat, as for the web."""
    start, end = place(data, "moov")
    moov, before, after = data[start - 8 : end], place(data, "ftyp")[1], data[end:]
    moved = data[:before] + moov + data[before : start - 8] + after
    for track in ("trak", "trak1")[: data.count(b"stco")]:
        path = f"moov {track} mdia minf stbl stco"
        first, last = place(moved, path)
        count = (last - first) // 4 - 2
        places = struct.unpack_from(f">{count}I", moved, first + 8)
        moved = put(moved, path, 8, struct.pack(f">{count}I", *(at + len(moov) for at in places)))
    return moved


def one_sample(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """The same MP4, its only sample changed."""
    table = "moov trak mdia minf stbl"
    head, start, size = place(data, "mdat")[0] - 8, *_only_sample(data)
    sample = change(data[start : start + size])
    grown = data[: head + 8] + sample + data[place(data, "mdat")[1] :]
    grown = grown[:head] + (8 + len(sample)).to_bytes(4) + grown[head + 4 :]
    grown = patch(grown, f"{table} stsz", lambda _: bytes(4) + len(sample).to_bytes(4) + (1).to_bytes(4))
    return put(grown, f"{table} stco", 8, (head + 8).to_bytes(4))


def _only_sample(data: bytes) -> tuple[int, int]:
    table = "moov trak mdia minf stbl"
    sizes, chunks = place(data, f"{table} stsz")[0], place(data, f"{table} stco")[0]
    size = int.from_bytes(data[sizes + 4 : sizes + 8]) or int.from_bytes(data[sizes + 12 : sizes + 16])
    return int.from_bytes(data[chunks + 8 : chunks + 12]), size


def grouped(codec: str, groups: Sequence[int]) -> bytes:
    """An MP4 in which so many frames, in the order of decoding, make one sample; a key frame each but in AV1."""
    options = {"libx264": {"g": "1"}, "libx265": {"x265-params": "keyint=1:log-level=none"}}.get(codec, {})
    data = encode(moving(sum(groups)), codec, "mp4", encoder=options)
    table = "moov trak mdia minf stbl"
    start, end = place(data, f"{table} stsz")
    each = list(struct.unpack(f">{(end - start) // 4 - 3}I", data[start + 12 : end]))
    sizes = [sum(each[sum(groups[:index]) : sum(groups[: index + 1])]) for index in range(len(groups))]

    def rows(*numbers: int) -> bytes:
        return bytes(4) + b"".join(number.to_bytes(4) for number in numbers)

    data = patch(data, f"{table} stsz", lambda _: rows(0, len(sizes), *sizes))
    data = patch(data, f"{table} stts", lambda _: rows(1, len(sizes), 512))
    data = patch(data, f"{table} stsc", lambda _: rows(1, 1, len(sizes), 1))
    for path in (f"{table} ctts", f"{table} stss", "moov trak edts"):
        with suppress(AssertionError):  # not all of them are there
            data = rename(data, path, b"free")
    return data
