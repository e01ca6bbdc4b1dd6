"""GIF is walked to its trailer, and what decoders read in different ways is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.errors import TooLarge, Undecodable
from model.formats import gif as module
from model.formats.container import Layer
from model.formats.gif import gif
from tests.model.gif_parts import LOOP, Frame, control, extension, header, plain, u16
from tests.model.samples import encode, picture, pictures

COLOURS = ((0, 0, 0), (255, 255, 255))
HEAD = header(4, 3, COLOURS)
FRAME = plain(4, 3, 1, bits=2)
ONE, BARE = FRAME.blocks(), FRAME.image()
END = b";"
XMP = b"!\xff\x0bXMP DataXMP<x:xmpmeta> any text \xc3\xa9</x:xmpmeta>" + b"\x01" + bytes(range(255, -1, -1)) + b"\x00"
"""Not in sub-blocks: whatever byte a reader takes for a length leads into the countdown and so to its end."""


@pytest.mark.parametrize(
    ("data", "frames"),
    [
        (HEAD + BARE + END, 1),
        (HEAD + ONE + ONE + END, 2),
        (HEAD + ONE + BARE + END, 2),
        (HEAD + BARE + ONE + END, 2),
        (HEAD + LOOP + BARE + BARE + END, 2),
        (header(4, 3) + replace(FRAME, colours=COLOURS).blocks() + END, 1),
        (header(4, 3, COLOURS, version=b"GIF87a") + BARE + END, 1),
        (HEAD + control() + ONE + control() + END, 1),
    ],
    ids=["one", "two", "control-first", "control-last", "loop", "local-colours", "87a", "controls-to-spare"],
)
def test_frames_of_a_gif(data: bytes, frames: int) -> None:
    container = gif(data)
    assert (container.end, container.frames, container.canvas) == (len(data), frames, (4, 3))
    assert container.readings == (data,)
    assert len(container.layers) == frames


@pytest.mark.parametrize(
    "other",
    [
        extension(0xFE, b"hello", b"again"),
        LOOP,
        extension(0xFF, b"NETSCAPE2.0"),
        extension(0xFF, b"MGK8BIM0000", b"\x00" * 255, b"\x01"),
        extension(0x01, b"\x00" * 12, b"text"),
        extension(0xCE, b"unknown"),
        XMP,
    ],
    ids=["comment", "loop", "loop-without-content", "application", "text", "unknown", "xmp"],
)
def test_other_extensions_change_nothing(other: bytes) -> None:
    two = replace(FRAME, disposal=2).blocks()
    container = gif(HEAD + other + two + other + ONE + other + END)
    assert container.layers == gif(HEAD + two + ONE + END).layers


def test_a_layer_is_a_gif_of_its_own() -> None:
    local = Frame(((1, 0), (0, 1)), 2, 1, ((9, 9, 9), (8, 8, 8)), True, 3, 0, bits=2)
    layers = gif(header(4, 3, COLOURS, 1) + ONE + local.blocks() + END).layers
    colours = ((9, 9, 9), (8, 8, 8))
    first = header(4, 3, COLOURS) + control(delay=5) + BARE + END
    second = header(2, 2, colours) + control(0, 0, 5) + Frame(local.rows, interlaced=True, bits=2).image() + END
    assert layers == (
        Layer(first, 0, 0, "leave", over=True, clear=(255, 255, 255), colours=2),
        Layer(second, 2, 1, "previous", over=True, clear=(255, 255, 255), colours=2),
    )


@pytest.mark.parametrize(
    ("frame", "background", "clear"),
    [
        (FRAME, 0, (0, 0, 0)),
        (FRAME, 1, (255, 255, 255)),
        (FRAME, 2, (0, 0, 0)),
        (replace(FRAME, transparent=1), 0, (255, 255, 255)),
    ],
    ids=["first", "second", "beyond-the-table", "transparent"],
)
def test_the_colour_under_what_is_clear(frame: Frame, background: int, clear: tuple[int, int, int]) -> None:
    (layer,) = gif(header(4, 3, COLOURS, background) + frame.blocks() + END).layers
    assert layer.clear == clear


@pytest.mark.parametrize(
    ("blocks", "disposal"),
    [
        (BARE, "leave"),
        *(
            (replace(FRAME, disposal=number).blocks(), name)
            for number, name in enumerate(("leave", "leave", "clear", "previous"))
        ),
        (control(2) + ONE, "leave"),
        (control(2) + LOOP + BARE, "clear"),
    ],
)
def test_the_last_control_before_an_image_counts(blocks: bytes, disposal: str) -> None:
    assert gif(HEAD + replace(FRAME, disposal=3).blocks() + blocks + END).layers[1].disposal == disposal


@pytest.mark.parametrize("disposal", [4, 5, 6, 7])
def test_an_undefined_disposal_is_refused(disposal: int) -> None:
    with pytest.raises(Undecodable, match=f"undefined disposal {disposal}"):
        gif(HEAD + replace(FRAME, disposal=disposal).blocks() + END)


def test_bytes_behind_the_trailer_are_not_part_of_it() -> None:
    data = HEAD + ONE + END
    container = gif(data + ONE + END)
    assert (container.end, container.frames, container.readings) == (len(data), 1, (data,))


BROKEN = {
    "header": HEAD[:12],
    "header-without-table": HEAD[:-1],
    "nothing": HEAD,
    "no-picture": HEAD + END,
    "no-trailer": HEAD + ONE,
    "cut-block": HEAD + ONE[:-1],
    "cut-frame": HEAD + BARE[:9],
    "cut-extension": HEAD + b"!",
    "zero-between": HEAD + ONE + b"\x00" + END,
    "junk-between": HEAD + ONE + b"junk" + END,
    "empty-control": HEAD + b"!\xf9\x00" + ONE + END,
    "short-control": HEAD + b"!\xf9\x03\x00\x00\x00\x00" + ONE + END,
    "long-control": HEAD + control()[:-1] + b"\x01\x00\x00" + ONE + END,
    "empty-comment": HEAD + extension(0xFE) + ONE + END,
    "empty-unknown": HEAD + extension(0xCE) + ONE + END,
    "short-text": HEAD + extension(0x01, b"\x00" * 11) + ONE + END,
    "long-text": HEAD + extension(0x01, b"\x00" * 13) + ONE + END,
    "no-colours": header(4, 3) + ONE + END,
    "no-screen": header(0, 0, COLOURS) + ONE + END,
    "beyond-the-right": HEAD + replace(FRAME, left=1).blocks() + END,
    "beyond-the-bottom": HEAD + replace(FRAME, top=1).blocks() + END,
    "no-width": HEAD + b"," + u16(0, 0, 0, 3) + BARE[9:] + END,
    "no-height": HEAD + b"," + u16(0, 0, 4, 0) + BARE[9:] + END,
    "one-bit": HEAD + BARE.replace(b"\x02", b"\x01", 1) + END,
    "nine-bits": HEAD + BARE.replace(b"\x02", b"\x09", 1) + END,
    "two-images-and-no-extension": HEAD + BARE + BARE + END,
    "extension-too-late": HEAD + BARE + BARE + LOOP + ONE + END,
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_gif_that_is_refused(name: str) -> None:
    with pytest.raises(Undecodable):
        gif(BROKEN[name])


def test_layers_at_the_limit_and_beyond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LAYERS", 3)
    assert gif(HEAD + ONE * 3 + END).frames == 3
    with pytest.raises(TooLarge, match="more than 3 frames"):
        gif(HEAD + ONE * 4 + END)


def test_what_pillow_writes_is_whole() -> None:
    assert gif(encode(pictures(3), "GIF", loop=0, comment=b"hello")).frames == 3
    assert gif(encode(picture(mode="P"), "GIF", transparency=0)).frames == 1
