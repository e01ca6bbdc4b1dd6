"""Whether a condition of the policy holds for one view: yes, no, or not known yet. Pure.

Not known (None) is what no model has said yet, as some run only if they can still change something. The logic is
Kleene's: `any` of yes and not known is yes, `all` of no and not known is no. So a yes or a no stays what it is,
whatever the missing scores will be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from config.condition import BOUNDS, MATCH_BITS, SIMILAR_BITS, Condition


class Question(NamedTuple):
    """Whether a file is on a list: by its SHA-256, or a PDQ hash within so many `bits` (None: SHA-256 alone).

    `every`: each of its pictures must be like one on the list, since it passes for that; else one of them is enough.
    """

    list: str
    bits: int | None
    every: bool


Finder = Mapping[Question, str]
"""How the file was found, in words for the log. What is not in it was not found."""


@dataclass(frozen=True)
class View:
    """What is known of one view: the signals that were scored, and whether it is of a part of a picture."""

    signals: Mapping[str, float]
    in_part: bool = False


@dataclass(frozen=True)
class Logic:
    """Conditions of one policy about one file. `named` has the condition of each rule; `found` what is on lists.

    `lets_pass`, of all that follows: whether a picture passes because the condition holds (that of an `allow`, or one
    in `none`). Then a part needs no more than the whole does, and lists count by SHA-256 or within SIMILAR_BITS.
    """

    named: Mapping[str, Condition]
    found: Finder = field(default_factory=dict)

    def holds(self, condition: Condition, view: View, *, lets_pass: bool = False) -> bool | None:
        """Whether it holds; None: nobody knows yet."""
        if condition.signal is not None:
            score = view.signals.get(condition.signal)
            if score is None:
                return None
            return condition.holds_in_part(score) if view.in_part and not lets_pass else condition.holds(score)
        if condition.list is not None:
            return question(condition, lets_pass=lets_pass) in self.found
        if condition.rule is not None:
            return self.holds(self.named[condition.rule], view, lets_pass=lets_pass)
        inner = [self.holds(one, view, lets_pass=lets_pass != (condition.none is not None)) for one in condition.inner]
        if condition.none is not None:
            some = _at_least(inner, 1)
            return None if some is None else not some
        return _at_least(inner, needed(condition))

    def near(self, condition: Condition, view: View, *, lets_pass: bool = False) -> float:
        """How near a view comes to it, from 0 to 1 where it holds. What is not known may be near."""
        if condition.signal is not None:
            score = view.signals.get(condition.signal)
            if score is None:
                return 1.0
            in_part = view.in_part and not lets_pass
            return condition.near_in_part(score) if in_part else condition.near_as_whole(score)
        if condition.rule is not None:
            return self.near(self.named[condition.rule], view, lets_pass=lets_pass)
        if not condition.inner or condition.none is not None:
            return float(self.holds(condition, view, lets_pass=lets_pass) is not False)
        return sorted(self.near(one, view, lets_pass=lets_pass) for one in condition.inner)[-needed(condition)]

    def missing(self, condition: Condition, view: View, *, lets_pass: bool = False) -> Iterator[str]:
        """Signals without which nobody can know whether it holds; none if that is known."""
        if self.holds(condition, view, lets_pass=lets_pass) is not None:
            return
        if condition.signal is not None:
            yield condition.signal
        elif condition.rule is not None:
            yield from self.missing(self.named[condition.rule], view, lets_pass=lets_pass)
        for one in condition.inner:
            yield from self.missing(one, view, lets_pass=lets_pass != (condition.none is not None))

    def why(self, condition: Condition, view: View, *, lets_pass: bool = False) -> str:
        """Why it holds, or why not, in words for the log; of several, what made it so."""
        if condition.signal is not None:
            return self._score(condition, view, lets_pass=lets_pass)
        if condition.list is not None:
            how = self.found.get(question(condition, lets_pass=lets_pass))
            return f"on the list {condition.list} ({how})" if how is not None else f"not on the list {condition.list}"
        if condition.rule is not None:
            return self.why(self.named[condition.rule], view, lets_pass=lets_pass)
        turned = lets_pass != (condition.none is not None)
        wanted = bool(self.holds(condition, view, lets_pass=lets_pass)) != (condition.none is not None)
        made = [one for one in condition.inner if self.holds(one, view, lets_pass=turned) is wanted]
        if wanted and condition.none is None:
            made = made[: needed(condition)]
        return " and ".join(self.why(one, view, lets_pass=turned) for one in made)

    def _score(self, condition: Condition, view: View, *, lets_pass: bool) -> str:
        score = view.signals.get(condition.signal or "")
        if score is None:
            return f"{condition.signal} was not scored"
        if view.in_part and not lets_pass:
            return f"{condition.signal} {score:.3f} in a part of it"
        verb = "is" if condition.holds(score) else "is not"
        return f"{condition.signal} {score:.3f} {verb} {bounds(condition)}"


def bits(condition: Condition, *, lets_pass: bool) -> int | None:
    """Up to which distance of PDQ hashes a condition with `list` holds; None: PDQ hashes do not count."""
    if lets_pass:
        return None if condition.within is None else min(condition.within, SIMILAR_BITS)
    return MATCH_BITS if condition.within is None else condition.within


def question(condition: Condition, *, lets_pass: bool) -> Question:
    """What a condition with `list` asks."""
    return Question(condition.list or "", bits(condition, lets_pass=lets_pass), lets_pass)


def bounds(condition: Condition) -> str:
    """The bounds of a condition with `signal`, in words: `at least 0.85 and below 0.9`."""
    given = [(key.replace("_", " "), value) for key in BOUNDS if (value := getattr(condition, key)) is not None]
    return " and ".join(f"{words} {value:g}" for words, value in given)


def needed(condition: Condition) -> int:
    """How many of the conditions in it must hold; of `none`, one that holds is enough for it not to."""
    return condition.at_least_n or (len(condition.inner) if condition.all else 1)


def questions(conditions: Iterable[tuple[Condition, bool]], named: Mapping[str, Condition]) -> set[Question]:
    """Everything about lists that conditions, each with its `lets_pass`, ask."""
    found: set[Question] = set()
    for condition, lets_pass in conditions:
        if condition.list is not None:
            found.add(question(condition, lets_pass=lets_pass))
        if condition.rule is not None:
            found |= questions([(named[condition.rule], lets_pass)], named)
        turned = lets_pass != (condition.none is not None)
        found |= questions([(one, turned) for one in condition.inner], named)
    return found


def _at_least(values: Sequence[bool | None], count: int) -> bool | None:
    yes = sum(value is True for value in values)
    maybe = sum(value is None for value in values)
    if yes >= count:
        return True
    return None if yes + maybe >= count else False
