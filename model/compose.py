"""The frames of a GIF or an APNG as browsers compose them, from images that Pillow decodes one at a time.

Pillow's own composition is another one: in a GIF it fills with the background colour what browsers leave clear, in an
APNG it goes back to the wrong frame. Sources: GIF89a specification, section 23; PNG specification, third edition,
sections 11.3.6.2 and 13.
"""

from __future__ import annotations

from PIL import Image

from model.colour import split
from model.errors import Undecodable
from model.formats.container import Layer

_CLEAR = 0
"""Alpha of what is not there."""


class Canvas:
    """What is seen after each layer. `size`: (width, height) in pixels."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._canvas: Image.Image | None = None
        self._info: dict[str | tuple[int, int], object] = {}
        self._format: str | None = None

    def show(self, image: Image.Image, layer: Layer) -> Image.Image:
        """The frame, in mode RGBA, or LA of grey with a profile, that the loaded image of a layer makes.

        Later calls leave it as it is. It has the `info` and the `format` of the first image. Under the transparency of
        the first frame are the colours of its image, which a conversion of the file to a still brings back. Undecodable
        if the image uses a colour that its table lacks: FFmpeg takes it from an earlier one.
        """
        _check_colours(image, layer)
        colours, alpha = split(image)
        picture = colours.convert("RGB")
        picture.putalpha(alpha or 255)
        place = (layer.left, layer.top)
        area = (*place, layer.left + picture.width, layer.top + picture.height)
        first = self._canvas is None
        if self._canvas is None:
            self._info = {key: value for key, value in image.info.items() if key != "transparency"}
            self._format = image.format
            self._canvas = Image.new("RGBA", self._size, (*layer.clear, _CLEAR))
        canvas = self._canvas
        before = canvas.crop(area) if layer.disposal == "previous" else None
        if layer.over and alpha is not None:
            canvas.alpha_composite(picture, place)
        else:
            canvas.paste(picture, place)
        frame = canvas.copy()
        if first:
            frame.paste(picture, place)
        if before is not None:
            canvas.paste(before, place)
        elif layer.disposal == "clear":
            canvas.paste((*layer.clear, _CLEAR), area)
        if colours.mode == "L" and "icc_profile" in self._info:
            frame = frame.convert("LA")
        frame.info, frame.format = dict(self._info), self._format
        return frame


def _check_colours(image: Image.Image, layer: Layer) -> None:
    if layer.colours and any(
        count and index != image.info.get("transparency")
        for index, count in enumerate(image.histogram()[layer.colours :], layer.colours)
    ):
        raise Undecodable("an image of the GIF uses a colour that its table lacks")
