"""The same storm with the real pict-rs, killed by SIGKILL and started anew with its store in the middle of requests."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

import addons.upstream
from tests.chaos.mortal import MortalPictrs, RealUpstream
from tests.chaos.pictures import Gallery
from tests.chaos.scene import Scene, callback_address
from tests.chaos.storm import OF_ASYNCIO, SHORT_MEMORY, SLACK_SECONDS, storm
from tests.conftest import need_real
from tests.pictrs import VERSIONS

DEADLINE_SECONDS = 8.0
KILLS = {"decoder": 4, "classifier": 4, "pict-rs": 8, "listener": 5, "client": 4}
"""Few, since pict-rs takes its time: up to a second for each picture, and to be there again."""
PATIENCE_SECONDS = 20.0
"""For the beginning of its answer: ImageMagick's start takes seconds on a machine that has other work."""
BOUND_SECONDS = DEADLINE_SECONDS + PATIENCE_SECONDS + SLACK_SECONDS
WITH_PROXY = tuple(version for version in VERSIONS if version[:3] in ("0.5", "0.6"))
ALLOW_LOCAL = {"PICTRS__CLIENT__ALLOW_LOCAL_CONNECTIONS": "true"}


@pytest.fixture(params=WITH_PROXY)
def upstream(request: pytest.FixtureRequest) -> Iterator[RealUpstream]:
    version: str = request.param
    need_real(version)
    with MortalPictrs(version, ALLOW_LOCAL) as real:
        real.kill()
        real.revive()  # from now on it is as after every kill
        made = RealUpstream(real)
        with made.tap, made.calls:
            yield made


@pytest.mark.real
@pytest.mark.filterwarnings(*OF_ASYNCIO)
def test_kills_with_the_real_pict_rs(
    upstream: RealUpstream, pictures: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addons.upstream, "BEGIN_SECONDS", PATIENCE_SECONDS)
    settings = {"deadline_seconds": DEADLINE_SECONDS, "cache": SHORT_MEMORY}
    callback = callback_address() | {"url": upstream.calls.url}
    with Scene(upstream, pictures, callback, **settings) as scene:
        upstream.calls.target = scene.gate.callback
        load = storm(scene, pictures, KILLS, clients=3, served=1, bound=BOUND_SECONDS)
    assert {200, 201, 400, 502} <= {end for _, end in load.ends}
    assert upstream.taken
    heard = b"".join(bytes(each) for each in upstream.calls.answers.values())
    assert not [piece for piece in pictures.traces if piece in heard]
    stored = [path for path in (upstream.real.folder / "files").rglob("*") if path.is_file()]
    assert stored
    for path in stored:
        data = path.read_bytes()
        assert not [piece for piece in pictures.traces if piece in data], path
        assert not _is_red(data), path


def _is_red(data: bytes) -> bool:
    """Whether a stored file shows more red than anything else; pict-rs writes some formats anew."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            red, green, blue = np.asarray(image.convert("RGB"), np.float64).mean(axis=(0, 1))
    except (OSError, SyntaxError):
        return False  # one that was being written when pict-rs was killed
    return bool(red > max(green, blue))
