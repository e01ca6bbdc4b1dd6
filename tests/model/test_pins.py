"""What holds a model: found for a folder here; for the hub by tests/addons/admin/test_models.py."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from config.policy import ModelSpec
from model.errors import ModelError
from model.pins import pins
from model.sources import WEIGHTS_FILE
from tests.tinymodel import local, write_model


def test_of_a_folder(tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    digest = hashlib.sha256((folder / WEIGHTS_FILE).read_bytes()).hexdigest()
    assert pins(local(folder)) == {"sha256": digest}
    assert pins(local(folder, sha256=digest)) == {}
    with pytest.raises(ModelError, match="they were changed"):
        pins(local(folder, sha256="0" * 64))
    with pytest.raises(ModelError, match=r"no config\.json"):
        pins(local(tmp_path / "none"))


def test_the_embedded_one_needs_none() -> None:
    assert pins(ModelSpec(timm="open-nsfw")) == {}
