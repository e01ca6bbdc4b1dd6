"""What the models say about a file's views: all of them, then crops of parts that came near a rule.

A model that can change nothing any more is not asked, and one that can do so for some views only is asked about these:
so an expensive model runs only where a cheap one has left it open. A view that decides ends it: where a rule with
`action: reject` fires on the first views of a file, the others are not judged any more. Not in shadow mode, which is
for seeing all scores. A pass has seen every view with every model that could have refused it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.policy import PolicySpec
from model.classifier import Backend
from model.errors import ClassifierFailed, DecoderFailed
from model.magnified import CROPS, crops
from model.policy import Fired, Rules, signals
from model.preprocess import Views

Signals = dict[str, float]


@dataclass(frozen=True)
class Seen:
    """The signals of each view that was judged, the last `parts` of them of parts of pictures, and which rule fired."""

    by_view: list[Signals]
    parts: int
    fired: Fired | None

    @property
    def decided(self) -> bool:
        """Whether it is refused, whatever else could be seen."""
        return self.fired is not None and self.fired.rejects


@dataclass(frozen=True)
class Looked:
    """All that was looked at in a file, and the rules that it was judged by."""

    seen: Seen
    rules: Rules


class Examiner:
    """`labels` gives each model's label names, in the order of the views' arrays; `budget` bounds views and crops.

    `hasty`: ask no model that can change nothing, and stop at the first view that decides.
    """

    def __init__(
        self,
        policy: PolicySpec,
        backend: Backend,
        labels: Mapping[str, tuple[str, ...]],
        *,
        budget: int,
        hasty: bool = True,
    ) -> None:
        self._policy = policy
        self._backend = backend
        self._labels = labels
        self._budget = budget
        self._hasty = hasty

    async def examine(self, views: Views, rules: Rules, deadline: float) -> Seen:
        """Have all views judged by `deadline`, an absolute `time.monotonic()` second. Raises JudgeError."""
        count = len(views.arrays[0])
        if not 0 <= views.parts < count:
            raise DecoderFailed(f"{views.parts} parts in {count} views")
        seen = await self._judged(views.arrays, count - views.parts, rules, deadline)
        if (seen.decided and self._hasty) or not views.magnified:
            return seen
        return await self._closer(seen, views, rules, deadline)

    async def _closer(self, seen: Seen, views: Views, rules: Rules, deadline: float) -> Seen:
        """The same with crops of suspicious parts, as far as the budget goes."""
        count, larger = len(views.arrays[0]), len(views.magnified[0])
        first = count - views.parts
        found = rules.suspects(seen.by_view[first : first + larger])
        closer: list[Signals] = []
        for part in found[: max(0, self._budget - count) // CROPS]:
            arrays = [
                crops(one[part], *array.shape[1:3]) for one, array in zip(views.magnified, views.arrays, strict=True)
            ]
            of_part = await self._judged(arrays, 0, rules, deadline)
            closer += of_part.by_view
            if of_part.decided and self._hasty:
                break
        parts = seen.parts + len(closer)
        return Seen(seen.by_view + closer, parts, rules.fired(seen.by_view + closer, parts))

    async def _judged(self, arrays: Sequence[NDArray[np.uint8]], whole: int, rules: Rules, deadline: float) -> Seen:
        """Score views, the first `whole` of them of whole pictures, with one model after the other."""
        by_view: list[Signals] = [{} for _ in arrays[0]]
        for model, array in zip(self._labels, arrays, strict=True):
            asked = list(range(len(array)))
            if self._hasty:
                asked = rules.wanted(by_view, len(by_view) - whole).get(model, [])
            if asked and await self._scored(model, array, asked, by_view, whole, rules, deadline):
                break
        while len(by_view) > 1 and not by_view[-1] and self._hasty:
            by_view.pop()
        parts = max(0, len(by_view) - whole)
        return Seen(by_view, parts, rules.fired(by_view, parts))

    async def _scored(
        self,
        model: str,
        array: NDArray[np.uint8],
        asked: Sequence[int],
        by_view: list[Signals],
        whole: int,
        rules: Rules,
        deadline: float,
    ) -> bool:
        """Add what one model says about the views that it is asked about. Whether that decides it."""
        known = 0
        decided = False

        def decides(rows: NDArray[np.float32]) -> bool:
            nonlocal known, decided
            new, known = asked[known : len(rows)], len(rows)
            if not new:
                return decided
            said = self._signals(model, rows[-len(new) :])
            for index, signal in zip(new, said, strict=True):
                by_view[index].update(signal)
            of_wholes = [by_view[index] for index in new if index < whole]
            of_parts = [by_view[index] for index in new if index >= whole]
            fired = rules.fired(of_wholes + of_parts, len(of_parts))
            decided = fired is not None and fired.rejects
            return decided and self._hasty

        views = array if len(asked) == len(array) else array[asked]
        rows = await self._backend.classify(model, views, deadline, decides)
        if len(rows) > len(asked):
            raise ClassifierFailed(f"{len(asked)} views went in, {len(rows)} scores came out")
        enough = decides(rows) if len(rows) else False
        if len(rows) != len(asked) and not enough:
            raise ClassifierFailed(f"{len(asked)} views went in, {len(rows)} scores came out")
        return enough

    def _signals(self, model: str, rows: NDArray[np.float32]) -> list[Signals]:
        try:
            return signals(self._policy, model, self._labels[model], rows)
        except ValueError as error:
            raise ClassifierFailed(str(error)) from error
