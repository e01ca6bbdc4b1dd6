"""The values that labels may have: ours and the operator's, never a stranger's. Pure.

Each value is a time series that Prometheus keeps; whoever could choose them could fill its memory, and ours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import get_args

from addons.inspection import Source
from addons.pictrs.table import ROUTES
from config.condition import Condition
from config.consistency import RESERVED_RULES
from config.policy import PolicySpec
from model.errors import Cause
from model.verdict import Outcome, Verdict

OTHER = "other"
"""In place of whatever is not in a table."""
NONE = "none"
"""No rule fired."""
UNANSWERED = "none"
"""The status code of a request that has ended without an answer: its client left, or something broke."""
OWN_LISTS = ("allow", "deny")
"""The administrator's own lists, which are there without a line in the policy."""
SOURCES: frozenset[str] = frozenset(get_args(Source))
CAUSES: frozenset[str] = frozenset(get_args(Cause))
PATHS: frozenset[str] = frozenset(route.path for route in ROUTES)
CALLBACK_PATHS = {"staged": "callback", "validate": "validate"}
"""Errand of a call of pict-rs's own (addons/callback.py) -> route."""


def rules(policy: PolicySpec, lists: Iterable[str] = ()) -> frozenset[str]:
    """The rule names that verdicts under this policy may bear."""
    return frozenset({rule.name for rule in policy.rules} | {*RESERVED_RULES, *OWN_LISTS, *lists, NONE})


def deciding_lists(policy: PolicySpec) -> dict[str, str]:
    """Rule name -> the list that decided when the rule did: for rules that ask nothing but one list.

    Of a rule that asks two lists, or a signal too, a verdict does not tell which it was: it counts as a rule alone.
    """
    named = {rule.name: rule.when for rule in policy.rules}
    found = {}
    for rule in policy.rules:
        asked = set(_asked(rule.when, named))
        if len(asked) == 1 and "" not in asked:
            found[rule.name] = asked.pop()
    return found


def _asked(condition: Condition, named: Mapping[str, Condition]) -> Iterator[str]:
    """The list of each part of a condition; empty text for a part that can hold without a list."""
    if condition.rule is not None:
        yield from _asked(named[condition.rule], named)
    elif condition.inner and condition.none is None:
        for inner in condition.inner:
            yield from _asked(inner, named)
    else:
        yield condition.list or ""


def one_of(value: object, known: Collection[str]) -> str:
    """The value as text if it is known, else OTHER."""
    text = str(value)
    return text if text in known else OTHER


def route(found: object) -> str:
    """The route of a request, given what its desk made of its head (None: it was refused there)."""
    row = getattr(found, "route", None)
    if row is not None:
        return one_of(row.path, PATHS)
    return CALLBACK_PATHS.get(str(getattr(found, "errand", "")), OTHER)


def verdict(given: Verdict) -> str:
    """What became of a file: `pass`, `reject`, `unavailable`, `would-reject` (shadow mode), or `unscanned`."""
    if given.unscanned:
        return "unscanned"
    if given.outcome is Outcome.PASS and given.strict is Outcome.REJECT:
        return "would-reject"
    return str(given.outcome)
