"""What a container or a stream may say about the shape and the colours of a video's pixels, whichever it is."""

from __future__ import annotations

from model.errors import Unsupported

MAX_STRETCH = 2
"""How far from square a pixel may be; PAL, HDV and anamorphic 2:1 are within. It is judged unstretched, and a picture
that is squeezed to half is still recognised, as wide pictures are that a model wants square."""
MAX_LEFT_OUT = 16
"""Part of a frame, a sixteenth, that may be left out when it is shown: encoders of graphics cards fill up the last
block (AMD's AV1 of 1080 lines has 1082), and leave that out again."""
MATRICES = frozenset({1, 2, 4, 5, 6, 7, 9})
"""MatrixCoefficients of ITU-T H.273 that are known: of televisions, and 2 for unspecified. The others, RGB above all,
make another picture of the same samples, and a container may claim what the stream denies."""


def check_square(horizontal: int, vertical: int) -> None:
    """Raise Unsupported for pixels of horizontal : vertical that are too far from square."""
    if not 0 < horizontal <= MAX_STRETCH * vertical or vertical > MAX_STRETCH * horizontal:
        raise Unsupported(f"a video whose pixels are stretched more than {MAX_STRETCH} times")


def check_shown_size(size: tuple[int, int], shown: tuple[int, int]) -> None:
    """Raise Unsupported for a frame of (width, height) of which a part is shown, or all of it far from its shape."""
    if any((MAX_LEFT_OUT - 1) * side > MAX_LEFT_OUT * part for side, part in zip(size, shown, strict=True)):
        raise Unsupported("frames of which only a part is shown (render_size)")
    check_square(shown[0] * size[1], shown[1] * size[0])


def check_matrix(matrix: int) -> None:
    """Raise Unsupported for a matrix of H.273 that is not known."""
    if matrix not in MATRICES:
        raise Unsupported(f"a video whose colours have the matrix {matrix} of H.273")
