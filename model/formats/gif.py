"""GIF: is every block there, up to the trailer, and how does a viewer compose the images?

Each image becomes a GIF of its own, a layer (model/formats/container.py). Source: the GIF89a specification.
"""

from __future__ import annotations

from model.errors import TooLarge, Undecodable
from model.formats.container import MAX_LAYERS, Container, Disposal, Layer
from model.formats.steps import step

_HEADER_BYTES, _IMAGE_BYTES = 13, 10
"""The GIF's header and screen, and an image's descriptor, each without colour table; sections 17, 18 and 20."""
_GRAPHIC_CONTROL, _PLAIN_TEXT, _PLAIN_TEXT_BYTES = 0xF9, 0x01, 12
_NO_CONTROL = b"!\xf9\x04\x00\x00\x00\x00\x00"
"""A graphic control that says no more than none at all; section 23."""
_DISPOSALS: tuple[Disposal, ...] = ("leave", "leave", "clear", "previous")
_INTERLACED = 0x40
_CODE_BITS = range(2, 9)
"""Bits of a colour number in the compressed pixels, section 22; of others decoders make different pixels, or none."""
_WHITE = (255, 255, 255)
"""What FFmpeg has under the transparency of an image with a transparent colour; else it is the background colour, and
opaque, in the first frame and after a disposal. Browsers leave both clear."""


def gif(data: bytes) -> Container:
    """All blocks up to the trailer; GIF89a specification, sections 17 to 27.

    Of the extensions only the last graphic control before an image changes what viewers show. What they read in
    different ways is refused: an empty extension (Pillow and FFmpeg take the blocks behind it for its content), a text
    of another length than 12 bytes (Firefox skips 12 at least), an image of no size, without colours, or beyond the
    screen (it is cropped, or an error, or makes the screen larger), and an image behind another when no extension has
    come yet (FFmpeg takes both for one, and shows the first).
    """
    at = _HEADER_BYTES + _table_bytes(data[10]) if len(data) >= _HEADER_BYTES else _HEADER_BYTES
    if at > len(data):
        raise Undecodable("the GIF breaks off in its header")
    screen = _u16(data, 6), _u16(data, 8)
    table = data[_HEADER_BYTES:at]
    background = _colour(table, data[11]) if table else _WHITE
    control: bytes | None = None
    layers: list[Layer] = []
    extended = False
    while (block := data[at : at + 1]) != b";":
        step()
        start = at
        if block == b"!":
            at = _sub_blocks(data, at + 2)
            _check_extension(data[start:at])
            extended = True
            if data[start + 1] == _GRAPHIC_CONTROL:
                control = data[start:at]
        elif block == b"," and at + _IMAGE_BYTES <= len(data):
            at = _sub_blocks(data, at + _IMAGE_BYTES + 1 + _table_bytes(data[at + 9]))
            layers.append(_layer(data[start:at], control or _NO_CONTROL, screen, table, background))
            control = None
            if len(layers) > 1 and not extended:
                raise Undecodable("an image of the GIF follows another without an extension before it")
            if len(layers) > MAX_LAYERS:
                raise TooLarge(f"more than {MAX_LAYERS} frames")
        else:
            raise Undecodable("the GIF breaks off, or has something between its blocks")
    if not layers:
        raise Undecodable("a GIF without a picture")
    return Container(at + 1, (data[: at + 1],), len(layers), screen, layers=tuple(layers))


def _check_extension(block: bytes) -> None:
    """Undecodable for an extension, from its introducer to its terminator, that decoders read in different ways."""
    label, size = block[1], block[2]
    if not size:
        raise Undecodable("an extension of the GIF is empty")
    if label == _PLAIN_TEXT and size != _PLAIN_TEXT_BYTES:
        raise Undecodable("a plain text extension of the GIF is not twelve bytes long")
    if label == _GRAPHIC_CONTROL:
        if len(block) != len(_NO_CONTROL) or size != _NO_CONTROL[2]:
            raise Undecodable("a graphic control of the GIF is not four bytes long")
        if (disposal := block[3] >> 2 & 7) >= len(_DISPOSALS):
            raise Undecodable(f"a graphic control of the GIF with the undefined disposal {disposal}")


def _layer(
    image: bytes, control: bytes, screen: tuple[int, int], shared: bytes, background: tuple[int, int, int]
) -> Layer:
    """An image and its control as a file of their own, with the colours of the image or else the shared ones."""
    left, top, width, height = (_u16(image, at) for at in (1, 3, 5, 7))
    if not width or not height or left + width > screen[0] or top + height > screen[1]:
        raise Undecodable("an image of the GIF is empty or reaches beyond the screen")
    pixels = _IMAGE_BYTES + _table_bytes(image[9])
    if image[pixels] not in _CODE_BITS:
        raise Undecodable("an image of the GIF has colours of no or too many bits")
    table = image[_IMAGE_BYTES:pixels] or shared
    if not table:
        raise Undecodable("an image of the GIF has no colours")
    transparent = control[3] & 1
    header = b"GIF89a" + image[5:9] + bytes([0x80 | (len(table) // 3).bit_length() - 2, 0, 0]) + table
    only_transparency = control[:3] + bytes([transparent]) + control[4:]
    place = b",\x00\x00\x00\x00" + image[5:9] + bytes([image[9] & _INTERLACED])
    return Layer(
        header + only_transparency + place + image[pixels:] + b";",
        left,
        top,
        _DISPOSALS[control[3] >> 2 & 7],
        over=True,
        clear=_WHITE if transparent else background,
        colours=len(table) // 3,
    )


def _colour(table: bytes, index: int) -> tuple[int, int, int]:
    """One colour of a table; black beyond it, as FFmpeg has it."""
    colour = table[3 * index : 3 * index + 3]
    return (colour[0], colour[1], colour[2]) if colour else (0, 0, 0)


def _u16(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "little")


def _table_bytes(flags: int) -> int:
    """Bytes of the colour table that follows."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _sub_blocks(data: bytes, at: int) -> int:
    while at < len(data):
        step()
        size = data[at]
        at += 1 + size
        if not size:
            return at
    raise Undecodable("the GIF breaks off in a block")
