"""Fixtures of chaos: pictures, and quiet logs."""

from __future__ import annotations

import gc
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from addons import upstream
from tests.chaos.pictures import Gallery, gallery
from tests.chaos.storm import UPSTREAM_SECONDS


@pytest.fixture(scope="session")
def pictures() -> Gallery:
    return gallery()


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """What a storm leaves to the collector is complained of here, where the test's own filters hold."""
    yield
    gc.collect()


@pytest.fixture(scope="module", autouse=True)
def _chaos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """No patience with pict-rs, a folder of its own for temporary files, and no words of mitmproxy's."""
    folder = tmp_path_factory.mktemp("temporary")
    log = logging.getLogger("mitmproxy")
    level = log.level
    log.setLevel(logging.ERROR)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(upstream, "BEGIN_SECONDS", UPSTREAM_SECONDS)
        patch.setattr(tempfile, "tempdir", str(folder))
        yield folder
    log.setLevel(level)
