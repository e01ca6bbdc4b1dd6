"""Every cause of failure has an error, a setting, a reserved rule name, and an answer."""

from __future__ import annotations

from typing import get_args

from addons.pictrs.answers import UNUSABLE
from config.consistency import RESERVED_RULES
from config.media import Failure
from model.errors import Cause, JudgeError

ERRORS = JudgeError.__subclasses__()


def test_each_cause_has_one_error_and_one_setting() -> None:
    causes = set(get_args(Cause))
    assert {error.cause for error in ERRORS} == causes
    assert len(ERRORS) == len(causes)
    assert set(Failure.model_fields) == causes
    assert causes <= set(RESERVED_RULES)


def test_the_sender_is_told_what_is_his_fault_and_only_that() -> None:
    assert set(UNUSABLE) == {error.cause for error in ERRORS if error.sender_at_fault}
