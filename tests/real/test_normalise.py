"""`normalise: true` before real pict-rs, which stores the new file: the same picture, upright, and nothing else."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from tests.conftest import RunReal
from tests.http1 import upload
from tests.model.samples import encode
from tests.real.conftest import NOTHING, Scene, assert_rejected, holding
from tests.real.formats import FORMATS, chelsea, coffee, shown
from tests.real.test_formats import alike

SECRET = b"52.5163 N, 13.3777 E"
AS_IT_CAME = ("APNG", "animated GIF", "animated WebP", "animated AVIF", "MP4, H.264", "WebM, VP9")


@pytest.fixture(scope="module")
def scene(run_real: RunReal) -> Iterator[Scene]:
    with Scene(run_real(), normalise=True) as scene:
        yield scene


def with_a_place(kind: str) -> bytes:
    """A picture that is to be turned by 90 degrees to be seen upright, and says where it was taken."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, SECRET.decode()
    return encode(coffee().transpose(Image.Transpose.ROTATE_90), kind, exif=exif, quality=95)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_still_is_stored_anew_upright_and_without_its_metadata(scene: Scene, kind: str) -> None:
    sent = with_a_place(kind)
    assert SECRET in sent
    answer = upload(scene.gate.address, sent)
    assert answer.status == 201, answer.body
    assert SECRET not in scene.tap.raw[-1]
    served = scene.served(answer)
    assert SECRET not in served
    with Image.open(io.BytesIO(served)) as image:
        assert image.getexif().get(0x0112, 1) == 1
        assert alike(np.asarray(image.convert("RGB")), np.asarray(coffee()))


@pytest.mark.parametrize("name", AS_IT_CAME)
def test_animations_and_videos_are_stored_as_they_came(scene: Scene, name: str) -> None:
    sent = FORMATS[name].make(coffee())
    answer = upload(scene.gate.address, sent)
    assert answer.status == 201, answer.body
    assert sent in scene.tap.raw[-1]
    assert len(shown(scene.served(answer))) == FORMATS[name].frames


def test_a_cat_in_the_new_file_never_arrives(scene: Scene) -> None:
    before, forwarded = holding(scene.real), scene.forwarded
    assert_rejected(upload(scene.gate.address, FORMATS["JPEG"].make(chelsea())))
    assert scene.gate.decisions[-1].verdict.rule == "no-cats"
    assert scene.forwarded == forwarded
    assert holding(scene.real) - before == NOTHING
