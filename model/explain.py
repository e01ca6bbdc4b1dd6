"""Why a file fared as it did: each rule's condition as a tree of yes and no, at the view that came nearest. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from config.condition import Condition
from config.policy import Action, PolicySpec, RuleSpec
from model.condition import Logic, View, needed
from model.examiner import Seen
from model.policy import Rules, looks, views_of


@dataclass(frozen=True)
class Node:
    """One condition in words, and whether it holds; None: a score that it needs is not there."""

    text: str
    holds: bool | None
    inner: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Reason:
    """One rule about one file. `view` is the one (from 0) of which the tree tells, None where it is about none."""

    rule: str
    action: Action | None
    shadow: bool
    counts: bool
    view: int | None
    in_part: bool
    tree: Node


def reasons(policy: PolicySpec, rules: Rules, seen: Seen) -> Iterator[Reason]:
    """Every rule of the policy, in order. `counts`: it is for files from there, and nothing above has allowed the file.

    Of a rule that holds on several views the first is told, of one that holds on none the one that comes nearest.
    """
    views = views_of(seen.by_view, seen.parts)
    over = False
    for rule in policy.rules:
        allows = rule.action is Action.ALLOW
        near = [rules.logic.near(rule.when, view, lets_pass=allows) for view in views]
        index = near.index(max(near))
        tree = tree_of(rules.logic, rule.when, views[index], lets_pass=allows)
        of_view = index if looks(rule.when, rules.logic.named) else None
        counts = not over and _stands(rule, rules)
        yield Reason(rule.name, rule.action, rule.shadow, counts, of_view, views[index].in_part, tree)
        over = over or (allows and counts and bool(tree.holds))


def tree_of(logic: Logic, condition: Condition, view: View, *, lets_pass: bool = False) -> Node:
    """A condition and all in it, about one view."""
    holds = logic.holds(condition, view, lets_pass=lets_pass)
    if condition.rule is not None:
        inner = tree_of(logic, logic.named[condition.rule], view, lets_pass=lets_pass)
        return Node(f"rule {condition.rule}", holds, (inner,))
    if not condition.inner:
        return Node(_leaf(logic, condition, view, lets_pass=lets_pass), holds)
    turned = lets_pass != (condition.none is not None)
    parts = tuple(tree_of(logic, one, view, lets_pass=turned) for one in condition.inner)
    return Node(_several(condition), holds, parts)


def _stands(rule: RuleSpec, rules: Rules) -> bool:
    return rule.action is not None and rules.has(rule.name)


def _several(condition: Condition) -> str:
    if condition.all is not None:
        return "all of"
    if condition.none is not None:
        return "none of"
    return "any of" if condition.any is not None else f"at least {needed(condition)} of"


def _leaf(logic: Logic, condition: Condition, view: View, *, lets_pass: bool) -> str:
    why = logic.why(condition, view, lets_pass=lets_pass)
    if condition.signal is None or not view.in_part or lets_pass or condition.signal not in view.signals:
        return why
    lower, upper = condition.for_parts()
    if (lower is None) == (upper is None):
        return f"{why}, where two bounds hold for no part"
    needs = f"at least {lower:.4g}" if lower is not None else f"at most {upper:.4g}"
    return f"{why}, where it takes {needs}"
