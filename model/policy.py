"""From scores to a rule: which rule of the policy fires, if any, and which scores could still change that. Pure.

A rule is tried on each view by itself (a view is one picture that a person could see: a frame, say), and fires when its
condition holds on any. The most severe action wins; among equals the rule that stands first, on its first view. A rule
that allows ends it: the rules behind it do not count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.condition import Condition
from config.policy import Action, Origin, PolicySpec, RuleSpec
from model.condition import Finder, Logic, Question, View, questions

SUSPICIOUS = 0.03
"""How near to a rule (Logic.near) the nearest part of a picture comes if a closer look is worth its time.
Insets came to 0.04 and more where the bare photograph had 0.0006; of ordinary pictures a quarter came to 0.04."""
SUSPECTS = 3
"""Parts that are looked at more closely: an inset lies in up to four, and in the nearest not always in a good place."""


@dataclass(frozen=True)
class Fired:
    """A rule that fired: its name, its action, the index of the view, and why, in words for the log.

    `shadow`: it is counted and refuses nothing. `view` is None where it says nothing about any one view.
    """

    rule: str
    action: Action
    view: int | None
    why: str
    shadow: bool = False

    @property
    def rejects(self) -> bool:
        """Whether the picture is refused, whatever else could be seen."""
        return self.action is Action.REJECT and not self.shadow


def signals(
    policy: PolicySpec, model: str, labels: Sequence[str], scores: NDArray[np.float32]
) -> list[dict[str, float]]:
    """Turn a model's scores into its signals, view by view.

    `labels` are its label names in order; `scores` is (N views, L labels), float32 in 0..1. Sums are capped at 1, which
    float addition can exceed. Raises ValueError when a label is missing, the shape does not fit or a number is not
    finite.
    """
    if scores.ndim != 2 or scores.shape[1] != len(labels):
        raise ValueError(f"model {model} gave {scores.shape}, not (views, {len(labels)})")
    columns: dict[str, NDArray[np.float64]] = {}
    for name, spec in policy.signals.items():
        if spec.model != model:
            continue
        chosen = scores[:, [labels.index(label) for label in spec.label_names]]
        found = chosen.max(axis=1).astype(np.float64) if spec.max_labels else chosen.sum(axis=1, dtype=np.float64)
        if not np.isfinite(found).all():
            raise ValueError(f"signal {name} is not a finite number")
        columns[name] = found.clip(0.0, 1.0)
    return [{name: float(column[view]) for name, column in columns.items()} for view in range(len(scores))]


class Rules:
    """The rules of a policy about one file: those for where it came from (None: all), with what is `found` on lists."""

    def __init__(self, policy: PolicySpec, origin: Origin | None = None, found: Finder | None = None) -> None:
        self.logic = Logic({rule.name: rule.when for rule in policy.rules}, found or {})
        self._model = {name: signal.model for name, signal in policy.signals.items()}
        self._rules = of_origin(policy, origin)

    def fired(self, views: Sequence[Mapping[str, float]], parts: int = 0) -> Fired | None:
        """The rule that decides, given each view's signals as far as they are known. None when no rule fires.

        The last `parts` views are of parts of a picture, to which stricter bounds apply (config.condition). Raises
        ValueError without views: a picture of which nothing was seen has no verdict.
        """
        return self._decided(views_of(views, parts))[0]

    def has(self, name: str) -> bool:
        """Whether the rule of this name is one for where the file came from."""
        return any(rule.name == name for rule in self._rules)

    def wanted(self, views: Sequence[Mapping[str, float]], parts: int = 0) -> dict[str, list[int]]:
        """Model -> the views that it must score, because what it says could change which rule decides."""
        known = views_of(views, parts)
        best, undecided = self._decided(known)
        found: dict[str, set[int]] = {}
        for rule in undecided if best is None or not best.rejects else []:
            for index, view in enumerate(known):
                for signal in self.logic.missing(rule.when, view):
                    found.setdefault(self._model[signal], set()).add(index)
        return {model: sorted(indexes) for model, indexes in found.items()}

    def suspects(self, parts: Sequence[Mapping[str, float]]) -> list[int]:
        """Which parts of a picture to look at more closely, given their signals: the nearest first, up to SUSPECTS.

        None if no part comes near a rule.
        """
        rules = [rule for rule in self._rules if rule.action is not Action.ALLOW]
        near = [max((self.logic.near(rule.when, View(one, True)) for rule in rules), default=0.0) for one in parts]
        if max(near, default=0.0) < SUSPICIOUS:
            return []
        return sorted(range(len(near)), key=lambda part: -near[part])[:SUSPECTS]

    def _decided(self, views: Sequence[View]) -> tuple[Fired | None, list[RuleSpec]]:
        """The rule that decides as far as is known, and those that could still take its place."""
        best: Fired | None = None
        undecided: list[RuleSpec] = []
        for rule in self._rules:
            allows = rule.action is Action.ALLOW
            values = [self.logic.holds(rule.when, view, lets_pass=allows) for view in views]
            if True not in values:
                undecided += [rule] if None in values else []
                continue
            fired = self._fired(rule, views, values.index(True))
            if allows:
                best = best if best is not None and best.rejects else fired
                break
            if best is None or _severity(fired) > _severity(best):
                best = fired
                undecided = [one for one in undecided if _severity(one) >= _severity(best)]
        if best is None:
            return best, undecided
        order = {rule.name: index for index, rule in enumerate(self._rules)}
        behind = [one for one in undecided if order[one.name] > order[best.rule]]
        return best, [one for one in undecided if one not in behind or _severity(one) > _severity(best)]

    def _fired(self, rule: RuleSpec, views: Sequence[View], index: int) -> Fired:
        why = self.logic.why(rule.when, views[index], lets_pass=rule.action is Action.ALLOW)
        of_view = index if looks(rule.when, self.logic.named) else None
        return Fired(rule.name, rule.action or Action.LOG, of_view, why, rule.shadow)


def of_origin(policy: PolicySpec, origin: Origin | None) -> list[RuleSpec]:
    """The rules that do something, for files that came from there; None: from anywhere."""
    here = (rule for rule in policy.rules if origin is None or rule.sources is None or origin in rule.sources)
    return [rule for rule in here if rule.action is not None]


def asked(policy: PolicySpec, origin: Origin | None = None) -> set[Question]:
    """Everything about lists that the rules ask."""
    rules = of_origin(policy, origin)
    return questions(
        [(rule.when, rule.action is Action.ALLOW) for rule in rules], {rule.name: rule.when for rule in policy.rules}
    )


def looks(condition: Condition, named: Mapping[str, Condition]) -> bool:
    """Whether a condition is about what can be seen in a view, and not only about lists."""
    return any(
        leaf.signal is not None or (leaf.rule is not None and looks(named[leaf.rule], named))
        for leaf in condition.leaves()
    )


def views_of(views: Sequence[Mapping[str, float]], parts: int) -> list[View]:
    """Signals as views, the last `parts` of them of parts. Raises ValueError without any."""
    if not views:
        raise ValueError("no views to judge")
    whole = len(views) - parts
    return [View(one, index >= whole) for index, one in enumerate(views)]


def highest(views: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The highest score of each signal over all views that have it: what the log keeps."""
    found: dict[str, float] = {}
    for view in views:
        for name, score in view.items():
            found[name] = max(score, found.get(name, 0.0))
    return found


def _severity(rule: Fired | RuleSpec) -> int:
    if rule.action is not Action.REJECT:
        return 0
    return 1 if rule.shadow else 2
