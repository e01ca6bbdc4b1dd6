"""What the models say about a file's views: all of them, then crops of parts that came near a rule.

A view that decides already ends it: where a rule with `action: reject` fires on the first views of a file, the others
are not judged any more. Not in shadow mode, which is for seeing all scores. A pass has always seen every view.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from config.policy import Action, PolicySpec
from model.classifier import Backend
from model.errors import ClassifierFailed, DecoderFailed
from model.magnified import CROPS, crops
from model.policy import Fired, evaluate, signals, suspects
from model.preprocess import Views


@dataclass(frozen=True)
class Seen:
    """The signals of each view that was judged, the last `parts` of them of parts of pictures, and which rule fired."""

    by_view: list[dict[str, float]]
    parts: int
    fired: Fired | None

    @property
    def decided(self) -> bool:
        """Whether it is refused, whatever else could be seen."""
        return self.fired is not None and self.fired.action is Action.REJECT


class Examiner:
    """`labels` gives each model's label names, in the order of the views' arrays; `budget` bounds views and crops.

    `hasty`: stop at the first view that decides.
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
        self._alone = {model: _about(policy, model) for model in labels}

    async def examine(self, views: Views, deadline: float) -> Seen:
        """Have all views judged by `deadline`, an absolute `time.monotonic()` second. Raises JudgeError."""
        count = len(views.arrays[0])
        if not 0 <= views.parts < count:
            raise DecoderFailed(f"{views.parts} parts in {count} views")
        seen = await self._judged(views.arrays, count - views.parts, deadline)
        if seen.decided or not views.magnified:
            return seen
        return await self._closer(seen, views, deadline)

    async def _closer(self, seen: Seen, views: Views, deadline: float) -> Seen:
        """The same with crops of suspicious parts, as far as the budget goes."""
        first, larger = len(seen.by_view) - views.parts, len(views.magnified[0])
        found = suspects(self._policy, seen.by_view[first : first + larger])
        closer: list[dict[str, float]] = []
        for part in found[: max(0, self._budget - len(seen.by_view)) // CROPS]:
            arrays = [
                crops(one[part], *array.shape[1:3]) for one, array in zip(views.magnified, views.arrays, strict=True)
            ]
            of_part = await self._judged(arrays, 0, deadline)
            before = len(seen.by_view) + len(closer)
            closer += of_part.by_view
            if of_part.decided and of_part.fired is not None and self._hasty:
                fired = replace(of_part.fired, view=before + of_part.fired.view)
                return Seen(seen.by_view + closer, views.parts + len(closer), fired)
        return self._seen(self._policy, seen.by_view + closer, len(seen.by_view) - views.parts)

    async def _judged(self, arrays: Sequence[NDArray[np.uint8]], whole: int, deadline: float) -> Seen:
        """Score views, the first `whole` of them of whole pictures, with one model after the other."""
        scores: dict[str, NDArray[np.float32]] = {}
        for model, array in zip(self._labels, arrays, strict=True):
            alone = self._alone[model]

            known = 0

            def decides(rows: NDArray[np.float32], model: str = model, alone: PolicySpec = alone) -> bool:
                nonlocal known
                new, before, known = rows[known:], known, len(rows)
                return self._hasty and len(new) > 0 and self._scored(alone, {model: new}, whole - before).decided

            rows = await self._backend.classify(model, array, deadline, decides)
            if len(rows) < len(array):
                seen = self._scored(alone, {model: rows}, whole) if len(rows) else None
                if seen and seen.decided and self._hasty:
                    return seen
            if len(rows) != len(array):
                raise ClassifierFailed(f"{len(array)} views went in, {len(rows)} scores came out")
            scores[model] = rows
        return self._scored(self._policy, scores, whole)

    def _scored(self, policy: PolicySpec, scores: Mapping[str, NDArray[np.float32]], whole: int) -> Seen:
        try:
            return self._seen(policy, signals(policy, self._labels, scores), whole)
        except ValueError as error:
            raise ClassifierFailed(str(error)) from error

    @staticmethod
    def _seen(policy: PolicySpec, by_view: list[dict[str, float]], whole: int) -> Seen:
        parts = max(0, len(by_view) - max(0, whole))
        return Seen(by_view, parts, evaluate(policy, by_view, parts))


def _about(policy: PolicySpec, model: str) -> PolicySpec:
    """What of a policy one model's scores are enough for."""
    own = {name: signal for name, signal in policy.signals.items() if signal.model == model}
    rules = tuple(rule for rule in policy.rules if rule.when.signal in own)
    return policy.model_copy(update={"signals": own, "rules": rules})
