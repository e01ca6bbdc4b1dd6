"""The policy as an operator writes it: models, signals made of their labels, and rules over signals.

Plain mappings, no expression strings. Only what needs no model is checked here: the parts by themselves, and (by
consistency.py) that they fit together. That a label exists is checked when the model is loaded (model/weights.py).
"""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from config.consistency import OPEN_NSFW, OPEN_NSFW_LABELS, contradictions
from config.problems import did_you_mean, dotted, wrong
from config.section import Section

MAX_NAME = 64
"""Characters of a name. Names become labels of log lines and metrics, where they should stay readable."""
HUB, FOLDER = "hf-hub", "local-dir"

_NAME = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
_REVISION = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HUB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
_TIMM_NAME = re.compile(r"[a-z0-9_]+(?:\.[A-Za-z0-9_.-]+)?")  # architecture.tag, as timm spells all of its own


def _name(value: str) -> str:
    if not _NAME.fullmatch(value) or len(value) > MAX_NAME:
        raise wrong(
            f"must be a name of a-z, 0-9, - and _, up to {MAX_NAME} characters", "for example: explicit-drawing"
        )
    return value


def _timm(value: str) -> str:
    prefix, colon, rest = value.partition(":")
    if prefix == HUB and colon:
        if not _HUB_NAME.fullmatch(rest):
            raise wrong(f"must be {HUB}:owner/name", "a revision goes into `revision:`" if "@" in rest else "")
    elif prefix == FOLDER and colon:
        if not PurePosixPath(rest).is_absolute() or "\0" in rest:
            raise wrong(f"must have an absolute path after {FOLDER}:", f"for example: {FOLDER}:/models/mine")
    elif colon:
        raise wrong(f"must be {OPEN_NSFW}, {HUB}:, {FOLDER}: or a timm model name", did_you_mean(prefix, [HUB, FOLDER]))
    elif value.replace("_", "").replace("-", "") == "opennsfw":
        if value != OPEN_NSFW:  # timm would build the architecture of this name, without its weights
            raise wrong(f"must be {OPEN_NSFW} for the embedded model", "mind the hyphen")
    elif not _TIMM_NAME.fullmatch(value):
        hint = ""
        if "/" in value:
            hint = f"did you mean {FOLDER if value.startswith('/') else HUB}:{value}?"
        raise wrong(f"must be {OPEN_NSFW}, {HUB}:owner/name, {FOLDER}:/path or a timm model name", hint)
    return value


def _revision(value: str) -> str:
    if not _REVISION.fullmatch(value):
        raise wrong("must be the 40 hexadecimal digits of a commit", "a branch or tag can change under your feet")
    return value


def _sha256(value: str) -> str:
    if not _SHA256.fullmatch(value):
        raise wrong("must be the 64 hexadecimal digits of a SHA-256", "`pictrs-filter models pin` writes it")
    return value


def _labels(value: tuple[str, ...]) -> tuple[str, ...]:
    twice = next((label for index, label in enumerate(value) if label in value[:index]), None)
    if twice is not None:
        raise wrong(f"must not name the label '{twice}' twice")
    return value


Name = Annotated[str, AfterValidator(_name)]
Label = Annotated[str, Field(min_length=1, max_length=200)]
Labels = Annotated[
    tuple[Label, ...], AfterValidator(_labels), Field(min_length=1, strict=False, examples=["[cat, dog]"])
]
Score = Annotated[float, Field(ge=0, le=1)]


class Action(StrEnum):
    """What a rule does, from the mildest. `allow` (for lists) comes with the lists."""

    LOG = "log"
    REJECT = "reject"


class ModelSpec(Section):
    """One classifier. `timm`: `open-nsfw` (embedded), `local-dir:/path`, `hf-hub:owner/name` or any timm model name.

    `sha256` is that of the file of weights, which is not used if it has another.
    """

    timm: Annotated[str, AfterValidator(_timm), Field(examples=[OPEN_NSFW])]
    revision: Annotated[str, AfterValidator(_revision)] | None = None
    sha256: Annotated[str, AfterValidator(_sha256)] | None = None
    labels: Labels | None = None

    @field_validator("revision")
    @classmethod
    def _only_of_the_hub(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and not info.data.get("timm", HUB).startswith(HUB):
            raise wrong(f"must not be given here: only models of {HUB}: have revisions", "delete this line")
        return value

    @field_validator("sha256")
    @classmethod
    def _not_of_the_embedded(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("timm") == OPEN_NSFW:
            raise wrong(f"must not be given for {OPEN_NSFW}, which is checked anyway", "delete this line")
        return value

    @property
    def unpinned(self) -> str:
        """The key for want of which others can change this model: `revision` or `sha256`; empty for none."""
        source, colon, _ = self.timm.partition(":")
        if source == HUB and colon:
            return "" if self.revision else "revision"
        return "" if colon or self.timm == OPEN_NSFW or self.sha256 else "sha256"

    @field_validator("labels")
    @classmethod
    def _not_renamed(cls, value: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
        if value is not None and info.data.get("timm") == OPEN_NSFW and value != OPEN_NSFW_LABELS:
            raise wrong(
                f"must not be given for {OPEN_NSFW}: its labels are {', '.join(OPEN_NSFW_LABELS)}", "delete this line"
            )
        return value


class SignalSpec(Section):
    """A number in 0..1: the score of one label of a model, or the sum of several."""

    model: Name
    label: Label | None = None
    sum_labels: Labels | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.label is None) == (self.sum_labels is None):
            raise wrong("must have either `label: NAME` or `sum_labels: [NAME, ...]`")
        return self

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels whose scores are added up."""
        return self.sum_labels if self.sum_labels is not None else (self.label or "",)


IN_PART_STRICTER = 8
"""A closer look at a part of a picture counts from an eighth of the way on that a score has left to its end: where the
whole needs 0.85, a part needs 0.98. Parts out of their context score high more often: of 1,304 ordinary pictures 2 had
0.85 as a whole, and 8 there or in one of their 14 parts (open-nsfw); with 0.98 for parts it was 4."""


class Bound(Section):
    """A condition on one signal: every bound that is given must hold.

    `in_part` takes the place of a single bound where a part of a picture is looked at; without it, IN_PART_STRICTER
    says what does. A condition with two bounds holds for whole pictures only.
    """

    signal: Name
    at_least: Score | None = None
    above: Score | None = None
    at_most: Score | None = None
    below: Score | None = None
    in_part: Score | None = None

    @model_validator(mode="after")
    def _can_hold(self) -> Self:
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
        return self

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
        lower, upper = self._for_parts()
        return (lower is not None and score >= lower) or (upper is not None and score <= upper)

    def near_in_part(self, score: float) -> float:
        """How near the `score` of a part comes to that, from 0, as far as a score can be, to 1 where it holds."""
        lower, upper = self._for_parts()
        if self.holds_in_part(score):
            return 1.0
        if lower is not None:
            return score / lower
        return 0.0 if upper is None else (1 - score) / (1 - upper)

    def _for_parts(self) -> tuple[float | None, float | None]:
        """(lowest, highest) score with which it holds for a part, of which one is None; both: it holds for none."""
        lower = self.at_least if self.at_least is not None else self.above
        upper = self.at_most if self.at_most is not None else self.below
        if lower is not None and upper is not None:
            return None, None
        if lower is not None:
            return (1 - (1 - lower) / IN_PART_STRICTER if self.in_part is None else self.in_part), None
        return None, (upper or 0.0) / IN_PART_STRICTER if self.in_part is None else self.in_part


class RuleSpec(Section):
    """When the condition holds for a view of a picture, the rule fires, under its name."""

    name: Name
    when: Bound
    action: Action = Field(strict=False)


class PolicySpec(Section):
    """Models, signals and rules together; every name that one uses, another has. The shipped one is in default.yaml."""

    models: dict[Name, ModelSpec] = Field(min_length=1)
    signals: dict[Name, SignalSpec] = Field(min_length=1)
    rules: tuple[RuleSpec, ...] = Field(min_length=1, strict=False)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        found = [f"{dotted(one.loc)} {one.message}" for one in contradictions(self.model_dump(mode="json"))]
        if found:
            raise wrong("must fit together: " + "; ".join(found))
        return self
