"""Which frames of a video are looked at: an even grid, and every new scene. All are decoded, few are judged.

A frame begins a new scene if it is unlike all frames that were chosen before. Half of the budget is for scenes: a flash
of one frame is one. A video with more scenes than that is refused, or an even choice is made of them, as the operator
wants. What changes little, slowly, or in a small place between two frames of the grid is not looked at. A long frame is
seen whole and in squares from end to end (model/tiles.py), since a model's view leaves its ends out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.errors import TooLarge
from model.gallery import Looks, whole_views
from model.likeness import Seen
from model.plan import Plan
from model.preprocess import View, ViewSpec
from model.spread import Spread, evenly

SCENE_PIXELS = 16
"""Side of the small pictures that are compared."""
SCENE_LEVELS = 24.0
"""Mean difference, in levels of 255, from which two of them show different scenes. Motion and light within one scene
stay below it for most of the time; two unrelated pictures are 40 to 80 apart."""
KEY_LEVELS = 12.0
"""The same for key frames, which encoders put where a scene begins, and where a viewer that seeks comes out."""


class VideoFrame(Protocol):
    """What is needed of model.video.VideoFrame."""

    @property
    def key(self) -> bool:
        """Whether it is a key frame."""

    def thumbnail(self, side: int) -> Image.Image:
        """The whole frame in RGB, squeezed into side x side pixels."""

    def pictures(self) -> Sequence[Image.Image]:
        """The frame in every way in which it is shown, in RGB."""


class Reel:
    """Takes the frames of a video one after another."""

    def __init__(self, specs: Sequence[ViewSpec], plan: Plan) -> None:
        self._specs = specs
        self._plan = plan
        self._frames = 0
        self._share = 0
        self._scenes = _Scenes()
        self._grid: Spread[list[View]] = Spread(0)
        self._changes: Spread[list[View]] = Spread(0)

    def show(self, frame: VideoFrame) -> None:
        """The next frame. Raises TooLarge if there are too many scenes for the budget, and none may be left out."""
        new = self._scenes.is_new(frame)
        views: list[View] | None = None
        if not self._frames:
            views = self._views(frame)
            self._share = self._plan.video_budget // len(views) // 2
            if not self._share and not self._plan.sample:
                raise TooLarge(f"each frame of the video takes {len(views)} views, more than half of the budget")
            self._share = max(1, self._share)
            self._grid, self._changes = Spread(self._share), Spread(self._share)
        self._frames += 1
        if new:
            if self._changes.count == self._share and not self._plan.sample:
                raise TooLarge(f"the video has more than {self._share} scenes")
            if self._changes.wants:
                views = views or self._views(frame)
                self._changes.add(views)
            else:
                self._changes.skip()
        if self._grid.wants:
            self._grid.add(views or self._views(frame))
        else:
            self._grid.skip()

    def looks(self) -> Looks:
        """What is to be judged."""
        seen = Seen()
        chosen = [*self._grid.items, *self._changes.items]
        wanted = [view for group in chosen for view in group]
        views = evenly(wanted, self._plan.video_budget)
        whole = len({id(group) for group in chosen}) if len(views) == len(wanted) else 0
        return Looks([view for view in views if seen.is_new(view)], 0, self._frames, whole)

    def _views(self, frame: VideoFrame) -> list[View]:
        return [view for picture in frame.pictures() for view in whole_views(picture, self._specs, self._plan)]


class _Scenes:
    """The small pictures of the scenes so far."""

    def __init__(self) -> None:
        self._known: NDArray[np.int16] = np.empty((0, SCENE_PIXELS * SCENE_PIXELS * 3), np.int16)

    def is_new(self, frame: VideoFrame) -> bool:
        small = np.asarray(frame.thumbnail(SCENE_PIXELS), np.int16).reshape(1, -1)
        levels = KEY_LEVELS if frame.key else SCENE_LEVELS
        if (np.abs(self._known - small).mean(axis=1) < levels).any():
            return False
        self._known = np.concatenate((self._known, small))
        return True
