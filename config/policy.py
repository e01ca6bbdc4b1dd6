"""The policy as an operator writes it: models, signals made of their labels, and rules over signals.

Plain mappings, no expression strings. Only what needs no model is checked here: the parts by themselves, and (by
consistency.py) that they fit together. That a label exists is checked when the model is loaded (model/weights.py).
"""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from config.condition import Condition
from config.consistency import OPEN_NSFW, OPEN_NSFW_LABELS, contradictions
from config.listing import ListSpec
from config.names import Name
from config.problems import did_you_mean, dotted, wrong
from config.section import Section

HUB, FOLDER = "hf-hub", "local-dir"

_REVISION = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HUB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
_TIMM_NAME = re.compile(r"[a-z0-9_]+(?:\.[A-Za-z0-9_.-]+)?")  # architecture.tag, as timm spells all of its own


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


Label = Annotated[str, Field(min_length=1, max_length=200)]
Labels = Annotated[
    tuple[Label, ...], AfterValidator(_labels), Field(min_length=1, strict=False, examples=["[cat, dog]"])
]


class Action(StrEnum):
    """What a rule does. `allow` ends it: no rule after it counts. Only lists can allow (consistency.py)."""

    LOG = "log"
    REJECT = "reject"
    ALLOW = "allow"


Origin = Literal["upload", "fetch", "proxy", "import", "hook"]
"""Where a file came from: an upload, a remote picture (`download?url=`, `?proxy=`), pict-rs's import, or a question of
pict-rs about what it has already (`external_validation`)."""


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
    """A number in 0..1: the score of one label of a model, or the sum or the highest of several."""

    model: Name
    label: Label | None = None
    sum_labels: Labels | None = None
    max_labels: Labels | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if [self.label, self.sum_labels, self.max_labels].count(None) != 2:
            raise wrong("must have either `label: NAME`, or `sum_labels:` or `max_labels:` with [NAME, ...]")
        return self

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels whose scores it is made of."""
        return self.sum_labels or self.max_labels or (self.label or "",)


class RuleSpec(Section):
    """When the condition holds for a view of a picture, the rule fires, under its name.

    Without an action it only gives the condition a name, for other rules to use. With `sources` it is for files that
    came from there. With `shadow` it is judged, logged and counted as if it stood, and refuses nothing.
    """

    name: Name
    when: Condition
    action: Action | None = Field(None, strict=False)
    sources: Annotated[tuple[Origin, ...], Field(min_length=1, strict=False)] | None = None
    shadow: bool = False


class PolicySpec(Section):
    """Models, signals, lists and rules together; every name that one uses, another has. See default.yaml."""

    models: dict[Name, ModelSpec] = Field(min_length=1)
    signals: dict[Name, SignalSpec] = Field(min_length=1)
    lists: dict[Name, ListSpec] = Field(default_factory=dict)
    rules: tuple[RuleSpec, ...] = Field(min_length=1, strict=False)

    @property
    def by_origin(self) -> bool:
        """Whether it matters where a file came from."""
        return any(rule.sources is not None for rule in self.rules)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        found = [
            f"{dotted(one.loc)} {one.message}"
            for one in contradictions(self.model_dump(mode="json", exclude_none=True))
        ]
        if found:
            raise wrong("must fit together: " + "; ".join(found))
        return self
