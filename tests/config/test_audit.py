"""The settings of the log of verdicts."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from config.audit import Audit, Hashes


def test_what_is_kept_by_default() -> None:
    audit = Audit()
    assert (audit.keep_days, audit.keep_rows, audit.hashes, audit.remote_host) == (90, 1_000_000, "refused", False)


@pytest.mark.parametrize("word", ["refused", "all", "none"])
def test_hashes_as_the_file_has_them(word: str) -> None:
    assert Audit.model_validate({"hashes": word}).hashes is Hashes(word)


@pytest.mark.parametrize(
    "given",
    [
        {"keep_days": 0},
        {"keep_days": 3651},
        {"keep_days": 0.5},
        {"keep_rows": -1},
        {"keep_rows": 100_000_001},
        {"hashes": "some"},
        {"hashes": None},
        {"remote_host": 1},
        {"pictures": True},
    ],
    ids=str,
)
def test_what_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Audit.model_validate(given)


def test_limits_are_taken() -> None:
    for given in ({"keep_days": 1, "keep_rows": 0}, {"keep_days": 3650, "keep_rows": 100_000_000}):
        assert Audit.model_validate(given).model_dump(include={*given}) == given
