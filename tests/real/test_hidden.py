"""A cat in each place of a file in which it can hide, before real pict-rs: refused, and nothing arrives.

Where it hides does not depend on the version of pict-rs, so there is one. Animations, videos, insets, strips and
turned pictures are shown without the cat as well: such files pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from model.verdict import Verdict
from tests.conftest import RunReal
from tests.http1 import Answer, upload
from tests.model.samples import encode
from tests.real import places
from tests.real.conftest import NOTHING, Scene, assert_rejected, holding
from tests.real.formats import animation, coffee, spotted, video

pytestmark = pytest.mark.once  # hiding places are the decoder's; how a file travels does not depend on what it holds


@pytest.fixture(scope="module")
def scene(run_real: RunReal) -> Iterator[Scene]:
    with Scene(run_real()) as scene:
        yield scene


def sent(scene: Scene, data: bytes) -> tuple[Answer, Verdict]:
    """What became of an upload."""
    judged = len(scene.gate.decisions)
    answer = upload(scene.gate.address, data)
    (decision,) = scene.gate.decisions[judged:]
    return answer, decision.verdict


@pytest.mark.parametrize("place", places.PLACES)
def test_a_hidden_cat_never_arrives(scene: Scene, place: str) -> None:
    before, forwarded = holding(scene.real), scene.forwarded
    answer, verdict = sent(scene, places.PLACES[place]())
    assert_rejected(answer)
    assert (verdict.rule, verdict.cause) == ("no-cats", None)
    assert scene.forwarded == forwarded
    assert holding(scene.real) - before == NOTHING


def test_a_second_stream_is_no_layout_that_is_judged(scene: Scene) -> None:
    before, forwarded = holding(scene.real), scene.forwarded
    answer, verdict = sent(scene, places.two_streams())
    assert (answer.status, answer.json()["code"]) == (400, "failed-external-validation")
    assert (verdict.media, verdict.cause) == ("mp4", "unsupported")
    assert scene.forwarded == forwarded
    assert holding(scene.real) - before == NOTHING


ORDINARY: dict[str, Callable[[], bytes]] = {
    "animation": lambda: animation(spotted(coffee(places.SMALL), 90), "WEBP", quality=90, method=0),
    "video": lambda: video(spotted(coffee(places.SMALL), places.FRAMES), "libx264", "mp4"),
    "inset": lambda: places.inset(0, 0, hidden=coffee(places.INSET)),
    "strip": lambda: places.strip(True, hidden=coffee(places.INSET)),
    **{f"turned, no EXIF {tag}": partial(places.stored_turned, "PNG", tag, False) for tag in places.TURNS},
}
"""The same without the cat, or without what uncovers it. Of 90 frames: this pict-rs takes its time."""


@pytest.mark.parametrize("place", ORDINARY)
def test_the_same_without_a_cat_passes(scene: Scene, place: str) -> None:
    answer, verdict = sent(scene, ORDINARY[place]())
    assert answer.status == 201, answer.body
    assert (verdict.rule, verdict.cause) == (None, None)


PHOTOGRAPH_PLACES = [(0, 0), (1, 1), (0.5, 0.5), (0.3, 0.7), (0.1, 0.6), (0.85, 0.2)]
"""Where the left upper corner of an inset is, between one end and the other."""


@pytest.mark.parametrize(("across", "down"), PHOTOGRAPH_PLACES)
def test_an_inset_in_a_photograph_is_found_though_the_model_prefers_the_photograph(
    scene: Scene, across: float, down: float
) -> None:
    # The square around it has the cat in a quarter, the cup in the rest, and 0.03 to 0.25. The crops of it have more.
    before, forwarded = holding(scene.real), scene.forwarded
    answer, verdict = sent(scene, places.inset(across, down, coffee(places.PAGE)))
    assert_rejected(answer)
    assert (verdict.rule, verdict.cause) == ("no-cats", None)
    assert verdict.scores["forbidden"] < 0.5 <= verdict.in_part["forbidden"]
    assert scene.forwarded == forwarded
    assert holding(scene.real) - before == NOTHING


def test_the_photograph_alone_passes(scene: Scene) -> None:
    answer, verdict = sent(scene, encode(coffee(places.PAGE), "PNG", compress_level=1))
    assert answer.status == 201, answer.body
    assert (verdict.rule, verdict.cause) == (None, None)
    assert verdict.in_part["forbidden"] < 0.002
