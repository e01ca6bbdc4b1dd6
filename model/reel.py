"""Which frames of a video are looked at: one of each stretch, every new scene, and changes where there is room.

All are decoded, few are judged. The stretches are equal, and which frame of each is looked at nobody can foresee
(model/chance.py), or what should be seen could be left out of just those. A frame begins a new scene if it is unlike
all frames that began one before. Half of the budget is for scenes: a flash of one frame is one. A video with more
scenes than that is refused, or an even choice is made of them, as the operator wants.

A change is less than a scene: something is new in a place, or sharp where it was a blur. Whatever moves makes one after
another, so no video can be refused for them; a choice of them takes what the stretches and scenes leave of the budget.
What changes less, between two frames that are looked at, is not seen. A frame whose ends a model crops, or squeezes
too much, is seen whole and in squares from end to end (model/tiles.py); one that is only somewhat long has them as far
as half of what the wholes leave of the budget goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.errors import TooLarge
from model.gallery import Looks, end_views, unseen
from model.likeness import Seen
from model.pdq import Hashed, hashed
from model.plan import Plan
from model.preprocess import View, ViewSpec, make_view
from model.spread import Spread, evenly
from model.tiles import along_needed

SCENE_PIXELS = 16
"""Side of the small pictures by which scenes are compared."""
SCENE_LEVELS = 24.0
"""Mean difference, in levels of 255, from which two of them show different scenes. Motion and light within one scene
stay below it for most of the time; two unrelated pictures are 40 to 80 apart."""
KEY_LEVELS = 12.0
"""The same for key frames, which encoders put where a scene begins, and where a viewer that seeks comes out."""
CHANGE_PIXELS = 64
"""Side of the small pictures by which changes are noticed: fewer make a photograph and its mosaic the same."""
CHANGE_BLOCKS = 8
"""Blocks along each side of them; in one of those the difference has to be, so that a small thing does not drown."""
CHANGE_LEVELS = 14.0
"""Mean difference in a block, in levels of 255, from which something has changed there. Seen in the worst blocks of
photographs: 5 after JPEG of quality 40, 4 with noise of 10 levels, 11 moved by 0.3 % of the width and 20 by twice that;
16 between a photograph and its mosaic of 32 x 32, 31 of 16 x 16."""
CHANGES_KNOWN = 16
"""A frame is compared with so many, the latest that were changes."""


class VideoFrame(Protocol):
    """What is needed of model.video.VideoFrame."""

    @property
    def key(self) -> bool:
        """Whether it is a key frame."""

    def thumbnail(self, side: int) -> Image.Image:
        """The whole frame in RGB, squeezed into side x side pixels."""

    def pictures(self) -> Sequence[Image.Image]:
        """The frame in every way in which it is shown, in RGB."""


class _Views(NamedTuple):
    """Of one frame: what must be seen of it, what is seen if there is room, and what it is known by in lists."""

    needed: list[View]
    closer: list[View]
    hashed: list[Hashed]


class Reel:
    """Takes the frames of a video one after another. `frames`: how many there are going to be."""

    def __init__(self, specs: Sequence[ViewSpec], plan: Plan, chance: Random, frames: int) -> None:
        self._specs = specs
        self._plan = plan
        self._chance = chance
        self._expected = frames
        self._frames = 0
        self._share = 0
        self._known = _Known()
        self._places: frozenset[int] = frozenset()
        self._grid: list[_Views] = []
        self._scenes: Spread[_Views] = Spread(0, chance)
        self._changes: Spread[_Views] = Spread(0, chance)

    def show(self, frame: VideoFrame) -> None:
        """The next frame. Raises TooLarge if there are too many scenes for the budget, and none may be left out."""
        scene, change = self._known.news(frame)
        views: _Views | None = None
        if not self._frames:
            views = self._views(frame)
            self._begin(len(views.needed))
        if scene and self._scenes.count == self._share and not self._plan.sample:
            raise TooLarge(f"the video has more than {self._share} scenes")
        if self._frames in self._places:
            views = views or self._views(frame)
            self._grid.append(views)
        self._frames += 1
        for chosen in ([self._scenes] if scene else []) + ([self._changes] if change else []):
            if chosen.wants:
                views = views or self._views(frame)
                chosen.add(views)
            else:
                chosen.skip()

    def looks(self) -> Looks:
        """What is to be judged."""
        seen = Seen()
        chosen = _once([*self._grid, *self._scenes.items])
        budget = self._plan.video_budget
        wanted = [view for frame in chosen for view in frame.needed]
        views = evenly(wanted, budget, self._chance)
        whole = len(chosen) if len(views) == len(wanted) else 0
        if whole:
            each = max(1, len(chosen[0].closer))
            closer = evenly(chosen, (budget - len(views)) // 2 // each, self._chance)
            views += [view for frame in closer for view in frame.closer]
            changes = _once([*chosen, *self._changes.items])[whole:]
            more = evenly(changes, (budget - len(views)) // len(chosen[0].needed), self._chance)
            views += [view for frame in more for view in frame.needed]
            whole += len(more)
        rows = [row for frame in _once([*chosen, *self._changes.items]) for row in frame.hashed]
        hashes = evenly(rows, budget, self._chance)
        return Looks([view for view in views if seen.is_new(view)], 0, self._frames, whole, hashed=hashes)

    def _begin(self, each: int) -> None:
        share = self._plan.video_budget // each // 2
        if not share and not self._plan.sample:
            raise TooLarge(f"each frame of the video takes {each} views, more than half of the budget")
        self._share = max(1, share)
        self._places = frozenset(evenly(range(self._expected), self._share, self._chance))
        self._scenes, self._changes = Spread(self._share, self._chance), Spread(self._share, self._chance)

    def _views(self, frame: VideoFrame) -> _Views:
        needed: list[View] = []
        closer: list[View] = []
        hashes: list[Hashed] = []
        for picture in frame.pictures():
            hashes.append(hashed(picture))
            needed.append(tuple(make_view(picture, spec) for spec in self._specs))
            ends = end_views(picture, self._specs, self._plan)
            (needed if along_needed(*picture.size, unseen(picture.size, self._specs)) else closer).extend(ends)
        return _Views(needed, closer, hashes)


def _once(frames: Sequence[_Views]) -> list[_Views]:
    """The views of each frame, though it was chosen twice."""
    return list({id(frame): frame for frame in frames}.values())


class _Known:
    """Small pictures of what was there: of all scenes, and of the latest changes."""

    def __init__(self) -> None:
        self._scenes: NDArray[np.int16] = np.empty((0, SCENE_PIXELS, SCENE_PIXELS, 3), np.int16)
        self._changes: NDArray[np.int16] = np.empty((0, CHANGE_PIXELS, CHANGE_PIXELS, 3), np.int16)

    def news(self, frame: VideoFrame) -> tuple[bool, bool]:
        """Whether a frame begins a scene, and whether it is a change."""
        thumbnail = frame.thumbnail(CHANGE_PIXELS)
        fine = np.asarray(thumbnail, np.int16)[np.newaxis]
        coarse = np.asarray(thumbnail.reduce(CHANGE_PIXELS // SCENE_PIXELS), np.int16)[np.newaxis]
        levels = KEY_LEVELS if frame.key else SCENE_LEVELS
        scene = not (np.abs(self._scenes - coarse).mean(axis=(1, 2, 3)) < levels).any()
        change = not (_furthest(self._changes, fine) < CHANGE_LEVELS).any()
        if scene:
            self._scenes = np.concatenate((self._scenes, coarse))
        if change:
            self._changes = np.concatenate((self._changes, fine))[-CHANGES_KNOWN:]
        return scene, change


def _furthest(known: NDArray[np.int16], fine: NDArray[np.int16]) -> NDArray[np.float64]:
    """How far a small picture is from each known one, in the block where that is most."""
    side = CHANGE_PIXELS // CHANGE_BLOCKS
    rows = np.abs(known - fine).reshape(-1, CHANGE_BLOCKS, side, CHANGE_PIXELS * 3).sum(axis=2, dtype=np.int32)
    sums = rows.reshape(-1, CHANGE_BLOCKS, CHANGE_BLOCKS, side * 3).sum(axis=3)
    furthest: NDArray[np.float64] = sums.max(axis=(1, 2)) / (side * side * 3)
    return furthest
