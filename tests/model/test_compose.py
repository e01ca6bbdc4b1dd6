"""Layers on a canvas: what shows through, what is cleared, and what lies under the transparency."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from model.compose import Canvas
from model.errors import Undecodable
from model.formats.container import Disposal, Layer
from tests.model.agreement import rgba

RED, GREEN, HALF, NONE = (255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 128), (9, 9, 9, 0)
CLEAR = (1, 2, 3)
EMPTY = (*CLEAR, 0)


def layer(left: int = 0, disposal: Disposal = "leave", over: bool = True, colours: int = 0) -> Layer:
    return Layer(b"", left, 0, disposal, over, CLEAR, colours)


def row(*colours: tuple[int, int, int, int]) -> Image.Image:
    return Image.fromarray(np.array([colours], np.uint8))


def seen(image: Image.Image) -> list[tuple[int, ...]]:
    return [tuple(pixel) for pixel in rgba(image)[0].tolist()]


def test_a_frame_is_what_is_there_and_what_is_drawn() -> None:
    canvas = Canvas((3, 1))
    assert seen(canvas.show(row(RED), layer(1))) == [EMPTY, RED, EMPTY]
    assert seen(canvas.show(row(GREEN, NONE), layer())) == [GREEN, RED, EMPTY]
    assert seen(canvas.show(row(HALF), layer(1))) == [GREEN, (127, 0, 128, 255), EMPTY]
    assert seen(canvas.show(row(HALF, NONE), layer(0, over=False))) == [HALF, NONE, EMPTY]


@pytest.mark.parametrize(
    ("disposal", "after"), [("leave", [RED, GREEN, RED]), ("clear", [RED, EMPTY, RED]), ("previous", [RED] * 3)]
)
def test_what_becomes_of_a_frame(disposal: Disposal, after: list[tuple[int, ...]]) -> None:
    canvas = Canvas((3, 1))
    canvas.show(row(RED, RED, RED), layer())
    assert seen(canvas.show(row(GREEN), layer(1, disposal))) == [RED, GREEN, RED]
    assert seen(canvas.show(row(NONE), layer())) == after


def test_the_first_frame_keeps_the_colours_under_its_transparency() -> None:
    canvas = Canvas((2, 1))
    assert seen(canvas.show(row(NONE), layer())) == [NONE, EMPTY]
    assert seen(canvas.show(row(NONE), layer())) == [EMPTY, EMPTY]


def test_a_frame_is_not_changed_by_the_next() -> None:
    canvas = Canvas((1, 1))
    first = canvas.show(row(RED), layer())
    canvas.show(row(GREEN), layer())
    assert seen(first) == [RED]


def test_every_frame_has_what_the_first_says_of_colours() -> None:
    first, second = row(RED), row(GREEN)
    first.info = {"gamma": 0.5, "transparency": 3}
    canvas = Canvas((1, 1))
    assert canvas.show(first, layer()).info == {"gamma": 0.5}
    assert canvas.show(second, layer()).info == {"gamma": 0.5}


def test_grey_with_a_profile_stays_grey() -> None:
    image = Image.new("L", (1, 1), 77)
    assert Canvas((1, 1)).show(image, layer()).mode == "RGBA"
    image.info["icc_profile"] = b"profile"
    frame = Canvas((1, 1)).show(image, layer())
    assert (frame.mode, frame.getpixel((0, 0))) == ("LA", (77, 255))


def test_a_colour_that_the_table_lacks_is_refused() -> None:
    image = Image.new("P", (2, 1))
    image.putdata([0, 4])
    assert Canvas((2, 1)).show(image, layer(colours=5))
    with pytest.raises(Undecodable, match="table lacks"):
        Canvas((2, 1)).show(image, layer(colours=4))
    image.info["transparency"] = 4
    assert Canvas((2, 1)).show(image, layer(colours=4))
