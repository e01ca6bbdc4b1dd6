"""WebPs by hand, chunk by chunk (RFC 9649), from pictures that Pillow encodes one at a time."""

from __future__ import annotations

from PIL import Image

from tests.model.samples import encode

ANIMATED, XMP, EXIF, ALPHA, ICC = 0x02, 0x04, 0x08, 0x10, 0x20
NO_BLEND, CLEAR = 0x02, 0x01


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk, padded to an even length."""
    return kind + len(content).to_bytes(4, "little") + content + b"\x00" * (len(content) % 2)


def riff(*chunks: bytes, length: int | None = None) -> bytes:
    """A whole file."""
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + (len(body) if length is None else length).to_bytes(4, "little") + body


def vp8x(size: tuple[int, int], flags: int) -> bytes:
    """The header of the extended kind."""
    return chunk(b"VP8X", bytes([flags, 0, 0, 0]) + b"".join((side - 1).to_bytes(3, "little") for side in size))


def anim(background: bytes = b"\xff\xff\xff\xff") -> bytes:
    """What holds for the whole animation; the background is blue, green, red and alpha."""
    return chunk(b"ANIM", background + b"\x00\x00")


def anmf(
    image: bytes, size: tuple[int, int], place: tuple[int, int] = (0, 0), flags: int = 0, time: int = 100
) -> bytes:
    """A frame; `place` is even, `time` in milliseconds."""
    numbers = (place[0] // 2, place[1] // 2, size[0] - 1, size[1] - 1, time)
    return chunk(b"ANMF", b"".join(number.to_bytes(3, "little") for number in numbers) + bytes([flags]) + image)


def image(picture: Image.Image, **options: object) -> bytes:
    """The chunks of the picture and of its alpha alone."""
    data = encode(picture, "WEBP", **options)
    at, chunks = 12, b""
    while at < len(data):
        end = at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")
        end += end % 2
        if data[at : at + 4] in (b"ALPH", b"VP8 ", b"VP8L"):
            chunks += data[at:end]
        at = end
    return chunks
