"""Names the format of a file by its first bytes and by nothing else.

What a client says (Content-Type, file name) is never asked: the decoder is told the format that the bytes begin with
and opens no other, so a file cannot be one thing here and another thing there. Headers are read and no more; nothing
here raises, and nothing promises that the rest of the file is whole.
"""

from __future__ import annotations

from collections.abc import Callable

from model.formats.ebml import CRC32, VOID, vint
from model.formats.media import AVIF, GIF, JPEG, JXL, MATROSKA, MP4, PNG, WEBM, WEBP, MediaType

BRANDS_BYTES = 1024
"""Longest ftyp box that is read: 254 brands, where real files have fewer than ten."""
EBML_BYTES = 4096
"""Longest EBML header that is read; real ones are about 40 bytes."""

_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_AVIF_MAJORS = _AVIF_BRANDS | {b"mif1", b"msf1"}
# From the registry at https://mp4ra.org/registered-types/brands; `qt  ` is QuickTime, which browsers play as MP4.
_MP4_MAJORS = frozenset(
    {b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"iso7", b"iso8", b"iso9", b"mp41", b"mp42", b"mp71"}
    | {b"avc1", b"hvc1", b"hev1", b"av01", b"dash", b"msdh", b"cmfc", b"M4V ", b"M4A ", b"M4VH", b"M4VP", b"f4v "}
    | {b"3gp4", b"3gp5", b"3gp6", b"3g2a", b"MSNV", b"qt  "}
)


def _png(data: bytes) -> bool:
    return data.startswith(b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR")


def _webp(data: bytes) -> bool:
    return data.startswith(b"RIFF") and data[8:12] == b"WEBP" and data[12:16] in (b"VP8 ", b"VP8L", b"VP8X")


def _brands(data: bytes) -> tuple[bytes, frozenset[bytes]] | None:
    """(major brand, all brands) of a file that begins with an ftyp box (ISO/IEC 14496-12, 4.3)."""
    size = int.from_bytes(data[:4])
    if data[4:8] != b"ftyp" or not 16 <= size <= min(BRANDS_BYTES, len(data)) or size % 4:
        return None
    compatible = {data[at : at + 4] for at in range(16, size, 4)}
    return data[8:12], frozenset(compatible | {data[8:12]})


def _avif(data: bytes) -> bool:
    brands = _brands(data)
    return brands is not None and brands[0] in _AVIF_MAJORS and bool(brands[1] & _AVIF_BRANDS)


def _mp4(data: bytes) -> bool:
    brands = _brands(data)
    return brands is not None and brands[0] in _MP4_MAJORS


def _doctype(data: bytes) -> bytes | None:
    """DocType of a file that begins with an EBML header (RFC 8794 section 11.2.4); None if it does not."""
    if not data.startswith(b"\x1a\x45\xdf\xa3"):
        return None
    length = vint(data, 4, len(data))
    if length is None or length[0] > EBML_BYTES:
        return None
    at, end = length[1], sum(length)
    while at < min(end, len(data)):
        # Every ID in an EBML header is two bytes long but Void (EC) and CRC-32 (BF).
        identity = data[at : at + 1] if data[at] in (VOID, CRC32) else data[at : at + 2]
        length = vint(data, at + len(identity), len(data))
        if length is None or sum(length) > end:
            return None
        size, at = length
        if identity == b"\x42\x82":
            return data[at : at + size].rstrip(b"\x00")
        at += size
    return None


_SIGNS: tuple[tuple[MediaType, Callable[[bytes], bool]], ...] = (
    (JPEG, lambda data: data.startswith(b"\xff\xd8\xff")),
    (PNG, _png),
    (GIF, lambda data: data.startswith((b"GIF87a", b"GIF89a"))),
    (WEBP, _webp),
    (AVIF, _avif),
    (JXL, lambda data: data.startswith((b"\xff\x0a", b"\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a"))),
    (MP4, _mp4),
    (WEBM, lambda data: _doctype(data) == b"webm"),
    (MATROSKA, lambda data: _doctype(data) == b"matroska"),
)


def sniff(data: bytes) -> MediaType | None:
    """The format that the first bytes say, or None. Never raises. At most one row of the table matches any file."""
    return next((media for media, says in _SIGNS if says(data)), None)
