"""Coding-independent code points (ITU-T H.273): what light the numbers of a picture stand for.

PNG, AVIF and ICC profiles may name a transfer function and primaries by number. Browsers heed them, Pillow does not.
For those of ordinary television and screens the difference is one of shades. Linear and logarithmic numbers and those
of high dynamic range are another matter: there a picture can lie between levels that look alike without them. They are
refused. So are primaries that nobody has, and those of a PNG's cHRM that would blow up small differences.
"""

from __future__ import annotations

from collections.abc import Sequence

from model.errors import Unsupported

UNSPECIFIED = 2
_TRANSFERS = frozenset({1, UNSPECIFIED, 4, 5, 6, 7, 11, 12, 13, 14, 15})
"""BT.709, BT.470, BT.601, SMPTE 240, xvYCC, BT.1361, sRGB and BT.2020; H.273, table 3."""
_PRIMARIES = frozenset({1, UNSPECIFIED, 4, 5, 6, 7, 8, 9, 11, 12, 22})
"""BT.709, BT.470, BT.601, SMPTE 240, film, BT.2020, DCI-P3, Display P3 and EBU 3213; H.273, table 2."""
MAX_GAIN = 4.0
"""Most that a channel of sRGB may change when those of the picture do, where Display P3 is 1.4 and ProPhoto 3.2."""

_Column = tuple[float, ...]
_Columns = Sequence[_Column]
_SRGB = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)


def is_ordinary_transfer(transfer: int) -> bool:
    """Whether it is that of a television or a screen, or none is named."""
    return transfer in _TRANSFERS


def check_code_points(primaries: int, transfer: int) -> None:
    """Raise Unsupported for those that show something else than the numbers as they are."""
    if not is_ordinary_transfer(transfer) or primaries not in _PRIMARIES:
        raise Unsupported(f"colours of the transfer function {transfer} and the primaries {primaries} (H.273)")


def check_png(kind: bytes, content: bytes) -> None:
    """A chunk cICP or cHRM of a PNG, its specification's sections 11.3.2.6 and 11.3.2.1; others are let alone.

    Raises Unsupported. Chunks that are broken are let alone too, as by browsers.
    """
    if kind == b"cICP" and len(content) == 4:
        check_code_points(content[0], content[1])
        if content[2:] != b"\x00\x01":
            raise Unsupported("a PNG whose numbers do not stand for RGB of the whole range")
    if kind == b"cHRM" and len(content) == 32:
        gain = _gain(tuple(int.from_bytes(content[at : at + 4]) / 100_000 for at in range(0, 32, 4)))
        if gain is not None and gain > MAX_GAIN:
            raise Unsupported("a PNG with primaries that blow up small differences")


def _to_xyz(chromaticities: tuple[float, ...]) -> _Columns:
    """The matrix from linear RGB to XYZ, of white, red, green and blue as x, y."""
    white, *primaries = (
        (x / y, 1.0, (1 - x - y) / y) for x, y in zip(chromaticities[::2], chromaticities[1::2], strict=True)
    )
    shares = _solved(primaries, white)
    return [tuple(share * value for value in primary) for share, primary in zip(shares, primaries, strict=True)]


def _gain(chromaticities: tuple[float, ...]) -> float | None:
    """The largest row sum of the matrix to sRGB, None if there is none: then nobody uses them."""
    try:
        srgb = _to_xyz(_SRGB)
        columns = [_solved(srgb, column) for column in _to_xyz(chromaticities)]
    except ZeroDivisionError:
        return None
    return max(sum(abs(column[row]) for column in columns) for row in range(3))


def _solved(columns: _Columns, wanted: _Column) -> _Column:
    """How much of each of three columns makes the wanted one, by Cramer's rule. ZeroDivisionError if nothing does.

    In plain Python, since the library that numpy does it with makes system calls of its own (model/seccomp.py).
    """
    whole = _determinant(columns)
    return tuple(_determinant([*columns[:at], wanted, *columns[at + 1 :]]) / whole for at in range(3))


def _determinant(columns: _Columns) -> float:
    (a, b, c), (d, e, f), (g, h, i) = columns
    return a * (e * i - f * h) - d * (b * i - c * h) + g * (b * f - c * e)
