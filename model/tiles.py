"""Where to look closer: overlapping squares of a picture, as boxes of pixels. Pure.

The view of a whole picture is small (224 pixels, say), and most models cut its middle out: what stands in a corner is
a blur there, and the ends of a long strip are not in it at all. So a picture is looked at once more in squares, half as
long as a square of the same area would be, each half over the next. Whatever fills a sixteenth of the area in a square
lies whole in one of them, and fills a quarter of it at least.
"""

from __future__ import annotations

import math

Box = tuple[int, int, int, int]

INSET = 16
"""The smallest part of a picture that is looked for: one sixteenth of its area."""
SMALL = 2.0
"""A picture of fewer than (2 times the view's side) squared pixels has no tiles: they would be enlarged, and models see
in such what is not there (most false refusals came from them); and a sixteenth of it is a thumbnail of 112 pixels."""
LONG = 1.5
"""A picture whose sides have a greater ratio is long for any model: one that squeezes it sees it badly."""
LEFT_OUT = 0.125
"""A model that crops leaves out both ends of a picture that is no square: of 3:2 a fifth at each, where it takes 7/8 of
the shorter side. From an eighth on such a picture is looked at from end to end as a long one is: of a thing that fills
a sixteenth of the area, a quarter of the length, half could be in what is left out. Squeezing the whole into a view
instead would cost one view less, and a cat at an end of 3:2 that had 0.79 in such a square had 0.44 there."""
SQUEEZED = 2.4
"""A longer frame than this (CinemaScope has 2.39, phones 20:9) is seen too badly by a model that squeezes it to leave
out the squares along it, of however many frames of a video."""
MIN_SIDE_PIXELS = 32
"""A line thinner than this is not cut up: nobody can tell what is in it."""


def tiles(width: int, height: int, side: int) -> list[Box]:
    """(left, upper, right, lower) of the squares of a picture for a view of `side` pixels, from edge to edge.

    None for a small picture, and none for one so long that they would be those of `along`.
    """
    square = tile_edge(width, height)
    if math.sqrt(width * height) < SMALL * side or not MIN_SIDE_PIXELS <= square < min(width, height):
        return []
    return _squares(width, height, square)


def tile_edge(width: int, height: int) -> float:
    """The side of a tile in pixels, before it is rounded."""
    return 2 * math.sqrt(width * height / INSET)


def along(width: int, height: int, left_out: float = 0.0) -> list[Box]:
    """The squares of a picture, as wide as it is, from end to end, if it is long or more than LEFT_OUT is left out.

    `left_out`: the share of its width or height that a model does not see at each end.
    """
    short, long = sorted((width, height))
    if short < MIN_SIDE_PIXELS or (long <= LONG * short and left_out <= LEFT_OUT):
        return []
    return _squares(width, height, float(short))


def along_needed(width: int, height: int, left_out: float) -> bool:
    """Whether a view of the whole is not enough, if it cannot have the squares of `along` beside it."""
    short, long = sorted((width, height))
    return left_out > LEFT_OUT or long > SQUEEZED * short


def _squares(width: int, height: int, square: float) -> list[Box]:
    columns, rows = (_places(length, square) for length in (width, height))
    edge = round(square)
    return [(left, upper, left + edge, upper + edge) for upper in rows for left in columns]


def _places(length: int, square: float) -> list[int]:
    """Where squares begin along a side, evenly from end to end, at most half a square apart."""
    room = length - round(square)
    steps = math.ceil(room / (square / 2))
    return [round(room * step / steps) for step in range(steps + 1)] if steps else [0]
