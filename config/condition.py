"""What a rule asks: bounds on a signal, a list that knows the picture, another rule's condition, or several of these.

    {signal: NAME, at_least|above|at_most|below: NUMBER ...}    {list: NAME}    {rule: NAME}
    {all: [..]}    {any: [..]}    {none: [..]}    {at_least_n: N, of: [..]}

Plain mappings, no expression strings. A condition is tried on each view of a file by itself (model/condition.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import Field, model_validator

from config.names import Name
from config.problems import wrong
from config.section import Section

Score = Annotated[float, Field(ge=0, le=1)]
Conditions = Annotated[tuple["Condition", ...], Field(min_length=1, strict=False)]

IN_PART_STRICTER = 8
"""A closer look at a part of a picture counts from an eighth of the way on that a score has left to its end: where the
whole needs 0.85, a part needs 0.98. Parts out of their context score high more often: of 1,304 ordinary pictures 2 had
0.85 as a whole, and 8 there or in one of their 14 parts (open-nsfw); with 0.98 for parts it was 4."""
MATCH_BITS = 31
"""Bits of 256 in which two PDQ hashes of the same picture differ at most (github.com/facebook/ThreatExchange, pdq)."""
SIMILAR_BITS = 10
"""The same where a match lets a picture pass: pictures 31 bits from a given one can be made on purpose."""

BOUNDS = ("at_least", "above", "at_most", "below")
KINDS = ("signal", "list", "rule", "all", "any", "none", "at_least_n")
"""What a condition can be about; it has exactly one of these keys."""


class Condition(Section):
    """One condition. With `signal`, every bound that is given must hold.

    `in_part` takes the place of a single bound where a part of a picture is looked at; without it, IN_PART_STRICTER
    says what does. A condition with two bounds holds for whole pictures only. `within` is the distance in bits up to
    which a PDQ hash on the list counts; left out, it is MATCH_BITS, and where the rule allows, none do.
    """

    signal: Name | None = None
    at_least: Score | None = None
    above: Score | None = None
    at_most: Score | None = None
    below: Score | None = None
    in_part: Score | None = None
    list: Name | None = None
    within: Annotated[int, Field(ge=0, le=MATCH_BITS)] | None = None
    rule: Name | None = None
    all: Conditions | None = None
    any: Conditions | None = None
    none: Conditions | None = None
    at_least_n: Annotated[int, Field(ge=1, le=1000)] | None = None
    of: Conditions | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if not given:
            hint = "for example: {signal: nsfw, at_least: 0.85}"
            raise wrong(f"must have one of {', '.join(KINDS[:-1])} or {KINDS[-1]}", hint)
        if len(given) > 1:
            raise wrong(f"must not have both {given[0]} and {given[1]}", "put both into a list under `all:`")
        for kind, keys in (("signal", (*BOUNDS, "in_part")), ("list", ("within",)), ("at_least_n", ("of",))):
            odd = next((key for key in keys if getattr(self, key) is not None and kind != given[0]), None)
            if odd:
                raise wrong(f"must not have {odd} here: it goes with {kind}", f"delete it, or add `{kind}:`")
        if self.signal is not None:
            self._can_hold()
        if self.at_least_n is not None and self.of is None:
            raise wrong("must have `of:`, a list of conditions", "for example: {at_least_n: 2, of: [...]}")
        if self.at_least_n is not None and self.at_least_n > len(self.of or ()):
            raise wrong(f"must be a condition that can hold: `of` has only {len(self.of or ())}", "lower at_least_n")
        return self

    def _can_hold(self) -> None:
        lower = [value for value in (self.at_least, self.above) if value is not None]
        upper = [value for value in (self.at_most, self.below) if value is not None]
        if not lower and not upper:
            raise wrong("must have a threshold: at_least, above, at_most or below", "for example: at_least: 0.85")
        if len(lower) > 1:
            raise wrong("must not have both at_least and above", "delete one of them")
        if len(upper) > 1:
            raise wrong("must not have both at_most and below", "delete one of them")
        if self.above == 1 or self.below == 0:
            raise wrong("must be a condition that can hold: a score is from 0 to 1", "use at_least or at_most")
        strict = self.above is not None or self.below is not None
        if lower and upper and (lower[0] > upper[0] or (strict and lower[0] == upper[0])):
            raise wrong("must be a condition that can hold: the lower bound is not below the upper bound")
        if lower and upper and self.in_part is not None:
            raise wrong("must not have in_part: with two bounds only whole pictures are looked at", "delete in_part")

    @property
    def inner(self) -> tuple[Condition, ...]:
        """The conditions that it is made of; those of a rule it names are not among them."""
        return self.all or self.any or self.none or self.of or ()

    def leaves(self) -> Iterator[Condition]:
        """Every condition in it that has no others in it, itself if need be."""
        if not self.inner:
            yield self
        for condition in self.inner:
            yield from condition.leaves()

    def holds(self, score: float) -> bool:
        """Whether `score`, a number in 0..1, is within every bound. NaN is within none."""
        return (
            (self.at_least is None or score >= self.at_least)
            and (self.above is None or score > self.above)
            and (self.at_most is None or score <= self.at_most)
            and (self.below is None or score < self.below)
        )

    def holds_in_part(self, score: float) -> bool:
        """The same for the `score` of a part of a picture."""
        lower, upper = self.for_parts()
        return (lower is not None and score >= lower) or (upper is not None and score <= upper)

    def near_as_whole(self, score: float) -> float:
        """How near the `score` of a whole picture comes to all bounds, from 0 to 1 where it holds."""
        lower = self.at_least if self.at_least is not None else self.above
        upper = self.at_most if self.at_most is not None else self.below
        if self.holds(score):
            return 1.0
        below_lower = lower is not None and (score < lower or upper is None)
        if below_lower and lower:
            near = score / lower
        else:
            near = 1.0 if upper == 1 else (1 - score) / (1 - (upper or 0.0))
        return min(near, math.nextafter(1, 0))  # at the very bound, and it is `above` or `below`

    def near_in_part(self, score: float) -> float:
        """How near the `score` of a part comes to that, from 0, as far as a score can be, to 1 where it holds."""
        lower, upper = self.for_parts()
        if self.holds_in_part(score):
            return 1.0
        if lower is not None:
            return score / lower
        return 0.0 if upper is None else (1 - score) / (1 - upper)

    def for_parts(self) -> tuple[float | None, float | None]:
        """(lowest, highest) score with which it holds for a part, of which one is None; both: it holds for none."""
        lower = self.at_least if self.at_least is not None else self.above
        upper = self.at_most if self.at_most is not None else self.below
        if lower is not None and upper is not None:
            return None, None
        if lower is not None:
            return (1 - (1 - lower) / IN_PART_STRICTER if self.in_part is None else self.in_part), None
        return None, (upper or 0.0) / IN_PART_STRICTER if self.in_part is None else self.in_part
