"""Decoders and models measured by themselves, with fakes of both: what is called, what is told, what is no figure."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from addons.admin.bench.parts import BenchError, PartsBench
from addons.admin.bench.pictures import Pictures
from addons.admin.bench.progress import Progress
from addons.admin.bench.steps import Steps
from model.errors import ClassifierFailed, DecoderFailed, TooLarge
from model.parts import Parts
from tests.model.test_judge import JPEG, LABELS, FakeBackend, FakeDecoder, config

SECONDS = 0.02


def made(decoder: FakeDecoder, backend: FakeBackend | None = None, **settings: Any) -> tuple[PartsBench, io.StringIO]:
    told = io.StringIO()
    steps = Steps(SECONDS, Progress(told))
    steps.plan(0)
    parts: Any = Parts(decoder, backend or FakeBackend(), LABELS)  # type: ignore[arg-type]
    return PartsBench(config(**settings), parts, steps), told


def pictures(*files: bytes, named: bool = False) -> Pictures:
    names = tuple(f"{number}.jpeg" for number, _ in enumerate(files)) if named else ()
    return Pictures("a kind", files, names)


async def test_decoding_has_the_views_of_a_verdict_and_a_pace() -> None:
    decoder, backend = FakeDecoder(views=3), FakeBackend()
    bench, told = made(decoder, backend)
    found = await bench.decoding(pictures(JPEG, JPEG))
    assert (found.pictures, found.files, found.mean_bytes) == ("a kind", 2, len(JPEG))
    assert (found.mean_views, found.refused) == (3.0, None)
    assert found.pace is not None
    assert decoder.seen == found.pace.done + 2, "each turn decodes one; one was judged before, and one is to warm up"
    assert backend.seen == 1
    assert told.getvalue().endswith(" pictures a second\n")


async def test_a_drawn_picture_that_the_settings_refuse_is_told_and_not_measured() -> None:
    bench, told = made(FakeDecoder(fault=TooLarge("it is too wide")))
    found = await bench.decoding(pictures(JPEG))
    assert (found.mean_views, found.pace) == (None, None)
    assert found.refused == "it is too wide (failure.too_large)"
    assert f"refused: {found.refused}" in told.getvalue()


@pytest.mark.parametrize(
    ("named", "fault", "words"),
    [
        (True, TooLarge("it is too wide"), r"0\.jpeg: cannot be judged: it is too wide"),
        (True, DecoderFailed("it died"), r"0\.jpeg: cannot be judged: it died"),
        (False, DecoderFailed("it died"), "a picture cannot be judged: it died"),
    ],
)
async def test_without_a_verdict_there_is_nothing_to_measure(named: bool, fault: Exception, words: str) -> None:
    bench, _ = made(FakeDecoder(fault=fault))
    with pytest.raises(BenchError, match=words):
        await bench.decoding(pictures(JPEG, named=named))


@pytest.mark.parametrize(("views", "title"), [(1, "1 view a call"), (4, "4 views a call")])
async def test_a_model_is_given_all_views_in_each_call(views: int, title: str) -> None:
    backend = FakeBackend()
    bench, told = made(FakeDecoder(), backend)
    found = await bench.modelling("nsfw", np.zeros((views, 8, 8, 3), np.uint8), 2)
    assert (found.model, found.views, found.at_once) == ("nsfw", views, 2)
    assert backend.seen == found.pace.done + 1 > 1, "one is to warm up"
    assert found.per_second == pytest.approx(views * found.pace.per_second)
    assert f"model nsfw: {title}" in told.getvalue()


async def test_a_model_that_fails_is_no_figure() -> None:
    bench, _ = made(FakeDecoder(), FakeBackend(fault=ClassifierFailed("no")))
    with pytest.raises(ClassifierFailed):
        await bench.modelling("nsfw", np.zeros((1, 8, 8, 3), np.uint8), 1)


async def test_the_views_of_what_is_no_picture() -> None:
    bench, _ = made(FakeDecoder())
    with pytest.raises(BenchError, match="not a format"):
        await bench.views(b"no picture")
