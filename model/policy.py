"""From scores to a rule: which rule of the policy fires, if any. Pure.

A rule is tried on each view by itself (a view is one picture that a person could see: a frame, say), and fires when its
condition holds on any. The most severe action wins; among equals the rule that stands first, on its first view.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.policy import Action, Bound, PolicySpec

SUSPICIOUS = 0.03
"""How near to a rule (Bound.near_in_part) the nearest part of a picture comes if a closer look is worth its time.
Insets came to 0.04 and more where the bare photograph had 0.0006; of ordinary pictures a quarter came to 0.04."""
SUSPECTS = 3
"""Parts that are looked at more closely: an inset lies in up to four, and in the nearest not always in a good place."""

_SEVERITY = {Action.LOG: 0, Action.REJECT: 1}


@dataclass(frozen=True)
class Fired:
    """A rule that fired: its name, its action, the index of the view, and why, in words for the log."""

    rule: str
    action: Action
    view: int
    why: str


def signals(
    policy: PolicySpec, labels: Mapping[str, Sequence[str]], scores: Mapping[str, NDArray[np.float32]]
) -> list[dict[str, float]]:
    """Turn the models' scores into signals, view by view.

    `labels` has each model's label names in order; `scores` each model's array (N views, L labels), float32 in 0..1,
    with the same N for all. Sums are capped at 1, which float addition can exceed. Raises ValueError when a label is
    missing, a shape does not fit or a number is not finite.
    """
    counts = {len(array) for array in scores.values()}
    if len(counts) != 1:
        raise ValueError(f"models gave different numbers of views: {sorted(counts)}")
    columns: dict[str, NDArray[np.float64]] = {}
    for name, spec in policy.signals.items():
        array, names = scores[spec.model], labels[spec.model]
        if array.ndim != 2 or array.shape[1] != len(names):
            raise ValueError(f"model {spec.model} gave {array.shape}, not (views, {len(names)})")
        index = [names.index(label) for label in spec.label_names]
        total = array[:, index].sum(axis=1, dtype=np.float64)
        if not np.isfinite(total).all():
            raise ValueError(f"signal {name} is not a finite number")
        columns[name] = total.clip(0.0, 1.0)
    return [{name: float(column[view]) for name, column in columns.items()} for view in range(counts.pop())]


def evaluate(policy: PolicySpec, views: Sequence[Mapping[str, float]], parts: int = 0) -> Fired | None:
    """Find the rule that decides, given each view's signals. None when no rule fires.

    The last `parts` views are of parts of a picture, to which stricter bounds apply (config.policy.Bound). Raises
    ValueError without views: a picture of which nothing was seen has no verdict.
    """
    if not views:
        raise ValueError("no views to judge")
    whole = len(views) - parts
    fired = [
        Fired(rule.name, rule.action, index, _why(rule.when, score, in_part=index >= whole))
        for rule in policy.rules
        for index, score in enumerate(scores[rule.when.signal] for scores in views)
        if (rule.when.holds(score) if index < whole else rule.when.holds_in_part(score))
    ]
    return max(fired, key=lambda found: _SEVERITY[found.action], default=None)


def suspects(policy: PolicySpec, parts: Sequence[Mapping[str, float]]) -> list[int]:
    """Which parts of a picture to look at more closely, given each one's signals: the nearest first, at most SUSPECTS.

    None if no part comes near a rule.
    """
    near = [max(rule.when.near_in_part(scores[rule.when.signal]) for rule in policy.rules) for scores in parts]
    if max(near, default=0.0) < SUSPICIOUS:
        return []
    return sorted(range(len(near)), key=lambda part: -near[part])[:SUSPECTS]


def _why(bound: Bound, score: float, *, in_part: bool) -> str:
    if in_part:
        return f"{bound.signal} {score:.3f} in a part of it"
    words = {"at_least": "at least", "above": "above", "at_most": "at most", "below": "below"}
    given = [f"{words[key]} {value:g}" for key in words if (value := getattr(bound, key)) is not None]
    return f"{bound.signal} {score:.3f} is {' and '.join(given)}"


def highest(views: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The highest score of each signal over all views that have it: what the log keeps."""
    found: dict[str, float] = {}
    for view in views:
        for name, score in view.items():
            found[name] = max(score, found.get(name, 0.0))
    return found
