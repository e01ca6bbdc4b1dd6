"""What all tests of the doctor share: the process that is asked for elsewhere ends with each file of them."""

from __future__ import annotations

from collections.abc import Iterator

import psutil  # type: ignore[import-untyped]
import pytest

from tests.addons.doctor.patients import end_server


@pytest.fixture(scope="module", autouse=True)
def _no_process_is_left() -> Iterator[None]:
    before = psutil.Process().children(recursive=True)
    yield
    end_server()
    assert [each for each in psutil.Process().children(recursive=True) if each not in before] == []
