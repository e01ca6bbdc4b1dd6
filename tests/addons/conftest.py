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
def gate(recorder: Recorder) -> Iterator[RunningFilter]:
    """The running filter before the recorder, with a judge that refuses what is FORBIDDEN."""
    with RunningFilter(config(recorder.address), FakeJudge()) as running:
        yield running
