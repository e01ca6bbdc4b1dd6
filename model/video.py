"""FFmpeg within limits: decodes the one video track that the walk over the file found, and yields every frame of it.

FFmpeg is told the container and the codec, and may open nothing: no other file, no other format, no network. It runs
in one thread, skips nothing and conceals nothing. What it finds has to be what the walk found (codec, size, turn,
number of frames); a file that two readers see differently is refused. So are pixels far from square: where the
container is silent, players go by the stream (ITU-T H.264 and H.265, annex E; AV1 specification, section 5.9.6). Runs
in a decoder process and nowhere else.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn, Protocol

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard
from av.video.frame import VideoFrame as Decoded
from av.video.stream import VideoStream
from PIL import Image

from model.errors import JudgeError, TooLarge, Undecodable, Unsupported
from model.formats.container import Container
from model.formats.media import MP4, WEBM, MediaType
from model.formats.shape import check_square
from model.formats.webm import VP8_SHOWN
from model.frames import Sizes, check_frames, check_size
from model.screen import Screen

CODED_MARGIN = 128
"""Pixels by which a codec may work on more than it shows, on each side: its largest block."""

_DEMUXERS = {MP4: ("mov", "mov,mp4,m4a,3gp,3g2,mj2"), WEBM: ("matroska", "matroska,webm")}
"""FFmpeg's short name of the demuxer for each format, and the full one, which format_whitelist wants."""
_DECODERS = {"h264": "h264", "hevc": "hevc", "av1": "libdav1d", "vp8": "vp8", "vp9": "vp9"}
"""The decoder of FFmpeg for each codec; its own one for VP8 and VP9, as in Firefox and pict-rs's ffprobe."""
_STRICT = {"err_detect": "crccheck+bitstream+buffer+explode"}
_TURNED = {1: (0,), 3: (180, -180), 6: (-90,), 8: (90,)}
"""FFmpeg's angle in degrees, counterclockwise, for EXIF's ways to turn a picture; it knows no mirrors."""


class VideoSizes(Sizes, Protocol):
    """The limits that are looked at here, besides those of all pictures."""

    @property
    def max_video_side_pixels(self) -> int:
        """Width or height of a video."""

    @property
    def max_video_area_pixels(self) -> int:
        """Width times height of a video."""

    @property
    def max_video_total_pixels(self) -> int:
        """Pixels of all frames together: by default 900 frames of 1280 x 720 or 400 of full HD.

        Measured on one core, with few bits in a frame: 290 million a second of H.264, 330 of H.265 and VP8, 600 of AV1,
        140 of VP9, so 3 seconds, and 6 for VP9. Bits cost besides: noise takes a second for 30 (H.265) to 70 (H.264)
        Mbit, so that the densest file of 40 MiB takes 5 to 11 seconds; more is left to the deadline.
        """

    @property
    def max_video_seconds(self) -> int:
        """How long a video lasts, by what its container says. Nothing depends on it but what people want to store."""


class VideoFrame:
    """One decoded frame. `index` counts the frames in the order in which they are shown; `key`: it needs no other;
    `size`: (width, height) in pixels as displayed, turned.

    Good until the next one is asked for.
    """

    def __init__(self, decoded: Decoded, index: int, screen: Screen) -> None:
        self._decoded = decoded
        self._screen = screen
        self.index = index
        self.key = bool(decoded.key_frame)
        self.size = screen.size(decoded)

    def thumbnail(self, side: int) -> Image.Image:
        """The whole frame squeezed into an RGB picture of side x side pixels; every pixel of it counts."""
        with _refusals():
            return self._screen.thumbnail(self._decoded, side)

    def pictures(self) -> list[Image.Image]:
        """The frame in RGB as a browser shows it, in full size; of PQ two (model/screen.py). Unsupported for colours
        that have no known meaning.
        """
        with _refusals():
            return self._screen.pictures(self._decoded)


def check_video(container: Container, limits: VideoSizes) -> None:
    """Raise TooLarge for a video beyond the limits, by what its container says."""
    width, height = container.canvas
    check_size(container.canvas, limits)
    check_frames(container.frames or 0, limits)
    if max(width, height) > limits.max_video_side_pixels or width * height > limits.max_video_area_pixels:
        raise TooLarge(f"a video of {width} x {height} pixels")
    if width * height * (container.frames or 0) > limits.max_video_total_pixels:
        many = f"a video of {container.frames} frames of {width} x {height} pixels"
        raise TooLarge(f"{many}, more than limits.max_video_total_pixels allows")
    if container.seconds > limits.max_video_seconds:
        raise TooLarge(f"a video of {container.seconds:.0f} seconds, more than limits.max_video_seconds allows")


def frames(data: bytes, media: MediaType, container: Container, limits: VideoSizes) -> Iterator[VideoFrame]:
    """Every frame of a video, in the order in which they are shown.

    `container` is what the walk found. Raises TooLarge before pixels, Unsupported, and Undecodable: also after the last
    frame, so a video is not judged before this has ended.
    """
    check_video(container, limits)
    if container.codec not in media.codecs:
        raise Unsupported(f"{container.codec} in {media.name}")
    with _refusals(), _opened(data, media, container) as source:
        stream = _stream(source, container)
        screen = Screen(container.orientation, int(stream.codec_context.color_trc))
        shown = 0
        transfer: int | None = None
        for decoded in _decoded(source, stream, container):
            if (decoded.width, decoded.height) != container.canvas:
                _disagree(f"a frame of {decoded.width} x {decoded.height} pixels")
            if decoded.is_corrupt:
                raise Undecodable("a frame of the video is damaged")
            if decoded.rotation not in _TURNED.get(container.orientation, (decoded.rotation,)):
                _disagree(f"a turn by {decoded.rotation} degrees")
            if transfer not in (None, int(decoded.color_trc)):
                raise Unsupported("a video whose numbers stand for other light from one frame on")
            transfer = int(decoded.color_trc)
            shown += 1
            if shown > (container.frames or 0):
                break
            yield VideoFrame(decoded, shown - 1, screen)
        if shown != container.frames:
            _disagree(f"{shown} frames and no {container.frames}" if shown else "no frames")


@contextmanager
def _opened(data: bytes, media: MediaType, container: Container) -> Iterator[InputContainer]:
    name, names = _DEMUXERS[media]
    width, height = container.canvas
    options = {
        "format_whitelist": names,
        "codec_whitelist": _DECODERS[str(container.codec)],
        "protocol_whitelist": "none",
        "threads": "1",
        "max_pixels": str((width + CODED_MARGIN) * (height + CODED_MARGIN)),
        "err_detect": "explode",
    }
    if media is MP4:
        options |= {"ignore_editlist": "1", "enable_drefs": "0", "use_absolute_path": "0"}
    av.logging.set_level(None)
    with av.open(
        io.BytesIO(data), "r", format=name, options=options, io_open=_open_nothing, metadata_errors="replace"
    ) as source:
        yield source


def _stream(source: InputContainer, container: Container) -> VideoStream:
    """The only video stream, with a decoder that is strict; Undecodable if it is not what the walk found."""
    kinds = [stream.type for stream in source.streams]
    if kinds.count("video") != 1 or set(kinds) - {"video", "audio", "data"}:
        _disagree("other tracks: " + ", ".join(kinds))
    stream = source.streams.video[0]
    context = stream.codec_context
    if context is None or context.codec.name != _DECODERS[str(container.codec)]:
        _disagree("another codec")
    if (context.width, context.height) != container.canvas:
        _disagree(f"{context.width} x {context.height} pixels")
    for other in source.streams:
        if other is not stream:
            other.discard = Discard.all
    context.thread_count = 1
    context.thread_type = "NONE"
    context.options = {**_STRICT, "max_pixels": str((context.width + CODED_MARGIN) * (context.height + CODED_MARGIN))}
    return stream


def _decoded(source: InputContainer, stream: VideoStream, container: Container) -> Iterator[Decoded]:
    packets = 0
    for packet in source.demux(stream):
        packets += _shows(packet, str(container.codec))
        shown = packet.decode()
        if shape := stream.codec_context.sample_aspect_ratio:  # any packet may bring other parameters
            check_square(*shape.as_integer_ratio())
        yield from shown
    if packets != container.frames:
        _disagree(f"{packets} packets and no {container.frames} frames")


def _shows(packet: Packet[VideoStream], codec: str) -> bool:
    """Whether a packet is a frame that is shown: the last one is empty, and VP8 has frames that are only referred to"""
    return packet.size > 0 and (codec != "vp8" or bool(bytes(packet)[0] & VP8_SHOWN))


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn FFmpeg's errors into JudgeErrors."""
    try:
        yield
    except JudgeError:
        raise
    except MemoryError as error:  # av.error.MemoryError is one too
        raise TooLarge("it needs more memory than a decoder has") from error
    except av.FFmpegError as error:
        raise Undecodable(f"{type(error).__name__}: {error.strerror}") from error


def _disagree(what: str) -> NoReturn:
    raise Undecodable(f"two readers disagree about the video: FFmpeg finds {what}")


def _open_nothing(*_: object, **__: object) -> NoReturn:
    raise PermissionError("a video may not open anything")
