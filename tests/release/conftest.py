"""A release that is built once, for all that look at it."""

from __future__ import annotations

import pytest

from tests.release.built import Built, build


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The wheel and the sdist of this working tree."""
    return build(tmp_path_factory.mktemp("built"))
