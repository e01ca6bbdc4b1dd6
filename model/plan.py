"""How much of a file is looked at: the operator's budget of views."""

from __future__ import annotations

from typing import NamedTuple

from model.magnified import CROPS


class Plan(NamedTuple):
    """config.media.Looking says what each is for, and has these defaults; `sample` is its `over_budget`."""

    budget: int = 100
    video_budget: int = 48
    sample: bool = False
    tiles: bool = True

    @property
    def most(self) -> int:
        """Views of any one file."""
        return max(self.budget, self.video_budget)

    @property
    def magnified(self) -> int:
        """Parts of any one file that come magnified: as many as a whole budget could look at."""
        return self.budget // CROPS if self.tiles else 0


DEFAULT = Plan()
