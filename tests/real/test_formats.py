"""Every format that is judged, on real pict-rs: an ordinary file is served back, and one with a cat never arrives.

JPEG XL goes to a recorder in pict-rs's place: Debian's ImageMagick, and so pict-rs here, does not know it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.conftest import RunReal
from tests.http1 import upload
from tests.real.conftest import NOTHING, WITH_PROXY, Scene, assert_rejected, holding
from tests.real.formats import FORMATS, JXL, Pixels, chelsea, coffee, shown
from tests.recorder import Recorder

pytestmark = pytest.mark.once  # formats are the decoder's; how a file travels does not depend on what it holds

OFF_LEVELS = 6.0
"""Mean difference of two pictures, of 255 levels, up to which they are the same one, written anew with loss."""


@pytest.fixture(scope="module", params=WITH_PROXY)
def scene(request: pytest.FixtureRequest, run_real: RunReal) -> Iterator[Scene]:
    """0.5 and 0.6, which keep all of these formats."""
    with Scene(run_real(request.param)) as scene:
        yield scene


def alike(one: Pixels, other: Pixels) -> bool:
    return one.shape == other.shape and bool(np.abs(one.astype(int) - other).mean() < OFF_LEVELS)


@pytest.mark.parametrize("name", FORMATS)
def test_an_ordinary_file_is_served_back(scene: Scene, name: str) -> None:
    kind = FORMATS[name]
    sent = kind.make(coffee())
    answer = upload(scene.gate.address, sent)
    assert answer.status == 201, answer.body
    assert sent in scene.tap.raw[-1]
    assert scene.gate.decisions[-1].verdict.media == kind.media
    assert answer.json()["files"][0]["details"]["content_type"] == kind.mime
    served, ours = shown(scene.served(answer)), shown(sent)
    assert (len(served), len(ours)) == (kind.frames, kind.frames)
    assert alike(ours[0], np.asarray(coffee()))
    assert all(alike(served[at], ours[at]) for at in (0, len(ours) // 2, -1))


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_with_a_cat_never_arrives(scene: Scene, name: str) -> None:
    before, forwarded = holding(scene.real), scene.forwarded
    assert_rejected(upload(scene.gate.address, FORMATS[name].make(chelsea())))
    verdict = scene.gate.decisions[-1].verdict
    assert (verdict.media, verdict.rule) == (FORMATS[name].media, "no-cats")
    assert scene.forwarded == forwarded
    assert holding(scene.real) - before == NOTHING


def test_jpeg_xl_up_to_the_recorder(scene: Scene) -> None:
    sent, forbidden = JXL.make(coffee()), JXL.make(chelsea())
    with Recorder() as recorder:
        there, scene.tap.target = scene.tap.target, recorder.address
        try:
            assert_rejected(upload(scene.gate.address, forbidden))
            assert recorder.raw == []
            assert upload(scene.gate.address, sent).status == 201
        finally:
            scene.tap.target = there
        (request,) = recorder.requests
    assert scene.gate.decisions[-1].verdict.media == "jxl"
    assert sent in request.body
