"""The views of one file: of every frame that differs one of the whole, and closer ones within a budget.

What must be looked at: the whole of every distinct frame, in every way in which it may be seen, and the first frame
closely (model/tiles.py). If that is more than the budget, the file is refused, or an even choice is made, as the
operator wants. What is left of the budget goes to closer looks at further frames, evenly spread. Nobody can foresee
either choice (model/chance.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from random import Random
from typing import NamedTuple

from PIL import Image

from model.errors import TooLarge
from model.likeness import Seen, SeenPictures
from model.magnified import magnified, magnified_size
from model.pdq import REDUCED_SIDE_PIXELS, Hashed, hashed
from model.plan import Plan
from model.preprocess import View, ViewSpec, left_out, make_closer_views, make_view, whole_size
from model.spread import Spread, evenly
from model.tiles import Box, along, tile_edge, tiles

CLOSER_FRAMES = 4
"""A budget of N views holds close looks at N / 4 frames at most: each takes 9 or more, unless it repeats others."""
SHARP = 2.0
"""A large picture is first made smaller by whole pixels, but what becomes a view stays twice as large as it: that takes
a fifth of the time. In the mean a view differs by a level or two; by more only in noise and in patterns so fine that
they are at the edge of what it shows."""
COMPARED = 1.0
"""The same for the pictures by which frames are compared: as large as what becomes a view, whole or part, shows them.
What is finer than that no view shows. A frame of 470 x 470 pixels that is like an earlier one takes 1.5 ms, half of
what its view does."""


class Looks(NamedTuple):
    """The views of a file, the last `parts` of them of parts of a picture; how many distinct pictures there were in it,
    and how many of those were looked at as much as they should be. `magnified` are the first of those parts again,
    `hashed` what the pictures are known by in lists, looked at or not.
    """

    views: list[View]
    parts: int
    distinct: int
    seen: int
    magnified: Sequence[View] = ()
    hashed: Sequence[Hashed] = ()


class _Part(NamedTuple):
    view: View
    picture: Image.Image
    box: Box


class Gallery:
    """Takes the frames of a file one after another, each as the different pictures that it may be seen as.

    A view that is like another one costs nothing. Where files are sampled that is settled at the end, among the views
    that were chosen: one that was left out must not stand for those that come after it.
    """

    def __init__(self, specs: Sequence[ViewSpec], plan: Plan, chance: Random) -> None:
        self._specs = specs
        self._plan = plan
        self._chance = chance
        self._side = max((min(spec.height, spec.width) for spec in specs), default=1)
        self._pictures = SeenPictures()
        self._views = Seen()
        self._whole: Spread[list[View]] = Spread(plan.budget, chance)
        self._first: list[View] | None = None
        self._magnified: dict[int, View] = {}  # by the identity of the view in `_first` of the same part
        self._closer: Spread[list[View]] = Spread(max(1, plan.budget // CLOSER_FRAMES), chance)
        self._hashed: Spread[Hashed] = Spread(plan.budget, chance)
        self._needed = 0

    def show(self, pictures: Sequence[Image.Image]) -> None:
        """One frame, in RGB. Raises TooLarge if it takes more views than the budget has, and none may be left out."""
        new: list[Image.Image] = []
        for picture in pictures:
            smaller = reduced(picture, self._specs)
            if self._pictures.is_new(reduced(smaller, self._specs, COMPARED)):
                new.append(smaller)
                self._hash(picture, smaller)
        if not new:
            return
        for picture in new:
            views = self._needs(whole_views(picture, self._specs, self._plan))
            if self._plan.sample and not self._whole.count:
                self._whole = Spread(max(1, self._plan.budget // len(views)), self._chance)
            if views:  # or all of them are there already
                self._whole.add(views)
        if self._first is None:
            close = self._close(new)
            self._first = self._needs([part.view for part in close])
            self._magnify(close)
        elif self._closer.wants:
            self._closer.add([part.view for part in self._close(new)])
        else:
            self._closer.skip()

    def looks(self) -> Looks:
        """What is to be judged."""
        budget, first = self._plan.budget, self._first or []
        room = max(budget - len(first), budget // 2, 1)
        whole = fitting(self._whole.items, room, self._chance)
        wanted = [view for group in whole for view in group]
        views = evenly(wanted, room, self._chance)
        parts = evenly(first, budget - len(views), self._chance)
        seen = len(whole) - (len(views) < len(wanted) or len(parts) < len(first))
        if self._plan.sample:
            views, parts = self._new(views), self._new(parts)
        room = budget - len(views) - len(parts)
        closer = [view for group in fitting(self._closer.items, room, self._chance) for view in group]
        parts.sort(key=lambda view: id(view) not in self._magnified)
        larger = [self._magnified[id(view)] for view in parts if id(view) in self._magnified]
        parts += self._new(evenly(closer, room, self._chance))
        return Looks([*views, *parts], len(parts), self._whole.count, seen, larger, self._hashed.items)

    def _hash(self, picture: Image.Image, smaller: Image.Image) -> None:
        if not self._hashed.wants:
            self._hashed.skip()
            return
        large = min(smaller.size) >= REDUCED_SIDE_PIXELS  # or too little would be left of it, to save a millisecond
        self._hashed.add(hashed(smaller if large else picture, picture.size))

    def _close(self, pictures: Sequence[Image.Image]) -> list[_Part]:
        found: list[_Part] = []
        for picture in pictures if self._plan.tiles else []:
            near = nearer(picture, self._side, self._specs)
            boxes = tiles(*near.size, self._side)
            views = close_views(near, boxes, self._specs)
            found += [_Part(view, near, box) for view, box in zip(views, boxes, strict=False)]  # no views, no models
        return found

    def _magnify(self, close: Sequence[_Part]) -> None:
        kept = {id(view) for view in self._first or ()}
        parts = [part for part in close if id(part.view) in kept]
        chosen = evenly(parts, self._plan.magnified, self._chance)
        for _, group in groupby(chosen, lambda part: id(part.picture)):
            near = list(group)
            larger = magnified(near[0].picture, [part.box for part in near], self._specs)
            self._magnified.update(zip((id(part.view) for part in near), larger, strict=False))  # none, if enlarged

    def _new(self, views: list[View]) -> list[View]:
        return [view for view in views if self._views.is_new(view)]

    def _needs(self, views: list[View]) -> list[View]:
        """Those of the views that must be judged."""
        if self._plan.sample:
            return views
        views = self._new(views) if self._specs else views  # without models it is pictures that there are too many of
        self._needed += len(views)
        if self._needed > self._plan.budget:
            raise TooLarge(f"it takes more than {self._plan.budget} views to see all of it")
        return views


def fitting(groups: Sequence[list[View]], room: int, chance: Random) -> list[list[View]]:
    """Every group, or one of every two, of every four, until they have no more than `room` views or are only one."""
    chosen = list(groups)
    while len(chosen) > 1 and sum(map(len, chosen)) > room:
        chosen = evenly(chosen, (len(chosen) + 1) // 2, chance)
    return chosen


def whole_views(picture: Image.Image, specs: Sequence[ViewSpec], plan: Plan) -> list[View]:
    """The view of an RGB picture, and squares from end to end if it is long or a model's view leaves its ends out."""
    return [tuple(make_view(picture, spec) for spec in specs), *end_views(picture, specs, plan)]


def end_views(picture: Image.Image, specs: Sequence[ViewSpec], plan: Plan) -> list[View]:
    """Those squares."""
    boxes = along(*picture.size, unseen(picture.size, specs)) if plan.tiles else []
    if not boxes:
        return []
    smaller = reduced(picture, specs, parts=False)
    fewer = along(*smaller.size, unseen(smaller.size, specs))  # none where rounding makes it just not long
    return close_views(smaller, fewer, specs) if fewer else close_views(picture, boxes, specs)


def unseen(size: tuple[int, int], specs: Sequence[ViewSpec]) -> float:
    """The share of a (width, height) picture that some model does not see at each end."""
    return max((left_out(size, spec) for spec in specs), default=0.0)


def close_views(picture: Image.Image, boxes: Sequence[Box], specs: Sequence[ViewSpec]) -> list[View]:
    """The views of boxes of one size of an RGB picture."""
    return list(zip(*(make_closer_views(picture, boxes, spec) for spec in specs), strict=True))


def reduced(
    picture: Image.Image, specs: Sequence[ViewSpec], sharp: float = SHARP, *, parts: bool = True
) -> Image.Image:
    """The picture itself, or a smaller one; what becomes a view stays `sharp` times as large as that, or larger.

    `parts`: views of its tiles too, not only of squares from end to end.
    """
    if not specs:
        return picture
    side = max(min(spec.height, spec.width) for spec in specs)
    boxes = tiles(*picture.size, side) if parts else []
    tile = boxes[0][2] - boxes[0][0] if boxes else min(picture.size)
    factors = [tile / max(max(spec.height, spec.width) for spec in specs)]
    for spec in specs:
        width, height = whole_size(picture.size, spec)
        factors += [picture.width / width, picture.height / height]
    by = int(min(factors) / sharp)
    return picture.reduce(by) if by > 1 else picture


def nearer(picture: Image.Image, side: int, specs: Sequence[ViewSpec]) -> Image.Image:
    """The picture, or a smaller one whose tiles have the pixels of magnified parts: they are cut out of it as they are,
    and views of them take a fifth of the time.
    """
    if not specs or not tiles(*picture.size, side):
        return picture
    # what is rounded moves a tile's edge by less than a third of a pixel, as their sides are never 4 to 1
    scale = max(max(magnified_size(spec)) for spec in specs) / tile_edge(*picture.size)
    if scale >= 1:
        return picture
    size = round(picture.width * scale), round(picture.height * scale)
    return picture.resize(size, Image.Resampling.HAMMING)  # nearly as sharp as bicubic, in two thirds of the time
