"""From a decoded frame's samples to RGB as a browser shows it: matrix, range and turn.

Where the stream does not say which matrix its colours were made with, browsers take that of standard definition for
less than 720 lines and that of high definition from there on; so does this. Transfer functions of ordinary screens are
left alone, and HLG. PQ comes out pale so, as where nobody heeds it, and once more as screens show it (model/tone.py).
Sources: ITU-T H.273, section 8.3; Chromium's and Firefox's guess for unspecified colour.
"""

from __future__ import annotations

import numpy as np
from av.video.frame import VideoFrame as Decoded
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from PIL import Image

from model.errors import Unsupported
from model.pixels import TURNS
from model.tone import check_transfer, curve

HD_LINES = 720
"""Height in pixels from which on an unspecified matrix is that of high definition."""

_RGB, _UNSPECIFIED, _RESERVED = 0, 2, 3
_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
}
"""swscale's matrix for H.273's MatrixCoefficients."""
_FULL = 2
_LAYOUTS = frozenset(
    {"gray", "gray10le", "gray12le", "gbrp", "gbrp10le", "gbrp12le", "yuvj420p", "yuvj422p", "yuvj444p"}
    | {f"yuv{chroma}p{depth}" for chroma in (420, 422, 440, 444) for depth in ("", "10le", "12le")}
)
"""FFmpeg's pixel formats that are looked at: none with alpha."""
_FAST = Interpolation.BILINEAR
"""Chroma is repeated rather than interpolated, and rounded down: 1.3 levels off in the mean, and ten times as fast."""
_SWAPPED = 5
"""From here on EXIF's ways to turn a picture swap width and height."""


class Screen:
    """Shows the frames of one video, all turned in the same way, as EXIF counts it. It keeps the tables for scaling.

    `transfer`: what the container says of the numbers, by H.273. Frames may say something else; both are heeded.
    """

    def __init__(self, orientation: int, transfer: int = _UNSPECIFIED) -> None:
        self._orientation = orientation
        self._transfer = transfer
        self._whole = VideoReformatter()
        self._small = VideoReformatter()

    def size(self, frame: Decoded) -> tuple[int, int]:
        """(width, height) in pixels as displayed."""
        swapped = self._orientation >= _SWAPPED
        return (frame.height, frame.width) if swapped else (frame.width, frame.height)

    def picture(self, frame: Decoded) -> Image.Image:
        """RGB, in full size, turned. Unsupported for a matrix or a layout of samples that is not known here."""
        return self._shown(self._whole, frame, (frame.width, frame.height), _FAST)

    def pictures(self, frame: Decoded) -> list[Image.Image]:
        """The picture, and of PQ another one as screens show it. Unsupported, as above, and for linear numbers."""
        plain = self.picture(frame)
        return [plain, *(plain.point(levels * 3) for levels in self._curves(frame))]

    def thumbnail(self, frame: Decoded, side: int) -> Image.Image:
        """RGB, side x side pixels, turned; each is the mean of those that it stands for. PQ as screens show it."""
        small = self._shown(self._small, frame, (side, side), Interpolation.AREA)
        return next((small.point(levels * 3) for levels in self._curves(frame)), small)

    def _curves(self, frame: Decoded) -> list[tuple[int, ...]]:
        transfers = {self._transfer, int(frame.color_trc)}
        for transfer in transfers:
            check_transfer(transfer)
        return [levels for transfer in transfers if (levels := curve(transfer))]

    def _shown(
        self, tables: VideoReformatter, frame: Decoded, size: tuple[int, int], interpolation: Interpolation
    ) -> Image.Image:
        rgb = tables.reformat(
            frame,
            *size,
            format="rgb24",
            src_colorspace=_matrix(frame),
            src_color_range=_range(frame),
            dst_color_range=ColorRange.JPEG,
            interpolation=interpolation,
            threads=1,
        )
        image = Image.fromarray(np.asarray(rgb.to_ndarray()))
        turn = TURNS.get(self._orientation)
        return image if turn is None else image.transpose(turn)


def _matrix(frame: Decoded) -> Colorspace:
    name, code = frame.format.name, frame.colorspace
    if name not in _LAYOUTS:
        raise Unsupported(f"a video with pixels of {name}")
    if code in (_UNSPECIFIED, _RESERVED) or name.startswith(("gray", "gbr")):
        return Colorspace.ITU601 if frame.height < HD_LINES else Colorspace.ITU709
    if code not in _MATRICES:
        raise Unsupported(f"a video whose colours have the matrix {code} of H.273")
    return _MATRICES[code]


def _range(frame: Decoded) -> ColorRange:
    full = frame.color_range == _FULL or frame.format.name.startswith(("yuvj", "gbr"))
    return ColorRange.JPEG if full else ColorRange.MPEG
