"""How many of some pictures a threshold refuses, for each threshold that is looked at. Pure.

As a rule does (config.condition.Condition): the whole of a picture by the threshold, parts of it by a stricter one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from addons.admin.calibrate.interval import Interval, interval
from addons.admin.calibrate.scores import Scored
from config.condition import Condition
from config.policy import Action, PolicySpec

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98)
"""Where every signal is looked at, beside the policy's own thresholds."""


@dataclass(frozen=True)
class Share:
    """`hits` of `of` pictures, of which there is at least one."""

    hits: int
    of: int

    @property
    def rate(self) -> float:
        """As a share of all, 0..1."""
        return self.hits / self.of

    @property
    def interval(self) -> Interval:
        """Where the true rate is, with a confidence of 95 %."""
        return interval(self.hits, self.of)


@dataclass(frozen=True)
class Rate:
    """What one threshold refuses: `all_views` as the filter looks, `whole` if it looked at no parts.

    `in_part` is what a part needs, None where parts do not count. `rules` says whose threshold it is, if anybody's.
    """

    threshold: float
    in_part: float | None
    all_views: Share
    whole: Share
    rules: tuple[str, ...] = ()


def bound(signal: str, threshold: float) -> Condition:
    """A rule's condition: this signal, at least that."""
    return Condition(signal=signal, at_least=threshold)


def own_bounds(policy: PolicySpec, signal: str) -> dict[Condition, tuple[str, ...]]:
    """The policy's conditions that ask for at least so much of a signal -> their rules, as `name (action)`.

    Only the lower bound of each: what a rule's upper bound leaves out, another rule is for.
    """
    found: dict[Condition, list[str]] = defaultdict(list)
    for rule in policy.rules:
        for leaf in _asked(rule.when):
            lower = {"at_least": leaf.at_least} if leaf.above is None else {"above": leaf.above}
            if leaf.signal != signal or not any(value is not None for value in lower.values()):
                continue
            two = leaf.at_most is not None or leaf.below is not None
            parts = {"at_most": 1.0} if two else {"in_part": leaf.in_part}  # with two bounds it holds for no part
            found[Condition(signal=signal, **lower, **parts)].append(f"{rule.name} ({_action(rule.action)})")
    return {condition: tuple(dict.fromkeys(rules)) for condition, rules in found.items()}


def signals_with_bounds(policy: PolicySpec) -> list[str]:
    """The signals of which a rule asks for at least so much, in the policy's order."""
    return [name for name in policy.signals if own_bounds(policy, name)]


def hits(condition: Condition, pictures: Sequence[Scored]) -> int:
    """How many pictures a condition holds for, in the whole or in a part."""
    signal = condition.signal or ""
    return sum(
        (signal in one.scores and condition.holds(one.scores[signal]))
        or (signal in one.in_part and condition.holds_in_part(one.in_part[signal]))
        for one in pictures
    )


def rates(policy: PolicySpec, signal: str, pictures: Sequence[Scored]) -> list[Rate]:
    """Every threshold of a signal, in order; `pictures` are those with scores of it, at least one."""
    own = own_bounds(policy, signal)
    asked = own | {bound(signal, one): own.get(bound(signal, one), ()) for one in THRESHOLDS}
    found = [_rate(condition, rules, pictures) for condition, rules in asked.items()]
    return sorted(found, key=lambda rate: (rate.threshold, rate.in_part or 0.0))


def _rate(condition: Condition, rules: tuple[str, ...], pictures: Sequence[Scored]) -> Rate:
    signal = condition.signal or ""
    threshold = condition.at_least if condition.at_least is not None else condition.above
    whole = sum(signal in one.scores and condition.holds(one.scores[signal]) for one in pictures)
    all_views = Share(hits(condition, pictures), len(pictures))
    return Rate(threshold or 0.0, condition.for_parts()[0], all_views, Share(whole, len(pictures)), rules)


def _asked(condition: Condition) -> Iterator[Condition]:
    """The leaves in it, but for those of `none`, which keep a rule from firing."""
    if condition.none is not None:
        return
    if not condition.inner:
        yield condition
    for inner in condition.inner:
        yield from _asked(inner)


def _action(action: Action | None) -> str:
    return "names a condition" if action is None else str(action)
