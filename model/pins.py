"""What a model is held by: the commit that it was loaded from and the SHA-256 of its weights, to be written down."""

from __future__ import annotations

from config.consistency import OPEN_NSFW
from config.policy import ModelSpec
from model import sources


def pins(spec: ModelSpec) -> dict[str, str]:
    """What the policy lacks to hold `spec`: key -> value, of `revision` (40 hex digits) and `sha256` (64 hex digits).

    A model from the hub is downloaded for that. Empty where nothing is missing. Raises ModelError, also when what the
    policy has already does not fit the weights.
    """
    if spec.timm == OPEN_NSFW:
        return {}
    name, weights = sources.locate(spec)
    sources.verify(spec, weights)
    found: dict[str, str] = {}
    if spec.revision is None and name != spec.timm:
        found["revision"] = name.rpartition("@")[2]
    if spec.sha256 is None:
        found["sha256"] = sources.digest(spec, weights)
    return found
