"""Fixtures that most tests of the proxy share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.recorder import Recorder
from tests.running import FakeJudge, RunningFilter, config


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """Stands where pict-rs stands."""
    with Recorder() as running:
        yield running


@pytest.fixture
def judge() -> FakeJudge:
    """Refuses what is FORBIDDEN."""
    return FakeJudge()


@pytest.fixture
def gate(recorder: Recorder, judge: FakeJudge) -> Iterator[RunningFilter]:
    """The running filter before the recorder, with that judge."""
    with RunningFilter(config(recorder.address), judge) as running:
        yield running
