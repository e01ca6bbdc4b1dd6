"""What every section of the settings and of the policy is made of.

Rules that sections keep: every field has a default that is safe, a unit in its name where it has one, and a line in
default.yaml (a test compares).
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Base of every section: unknown keys are refused, values never change, 1 is not taken for "1"."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
