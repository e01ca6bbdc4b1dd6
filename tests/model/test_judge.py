"""The one door: the order of checks, the operator's word, and what a fault behind it becomes."""

from __future__ import annotations

import asyncio
import hashlib
import io
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from config.load import Config, load
from config.settings import Settings
from model.card import CARD_SHA256, card, plain
from model.classifier import Enough
from model.errors import (
    ClassifierFailed,
    DeadlineExceeded,
    DecoderFailed,
    JudgeError,
    TooLarge,
    Undecodable,
    Unsupported,
)
from model.formats.media import MediaType
from model.formats.sniff import sniff
from model.judge import CARD_RULE, OFF_LOOP_BYTES, Judge
from model.pdq import hashed
from model.sandbox import Views
from model.verdict import Outcome, Verdict

JPEG = plain()
LABELS = {"nsfw": ("sfw", "nsfw")}


class FakeDecoder:
    def __init__(self, views: int = 1, fault: BaseException | None = None) -> None:
        self.fault, self.views, self.seen = fault, views, 0
        self.new: bytes | None = None

    async def decode(self, data: bytes, media: MediaType, deadline: float) -> Views:
        self.seen += 1
        if self.fault is not None:
            raise self.fault
        return Views(width=8, height=8, frames=self.views, arrays=(np.zeros((self.views, 8, 8, 3), np.uint8),))

    async def normalise(self, data: bytes, media: MediaType, deadline: float) -> bytes | None:
        self.seen += 1
        if self.fault is not None:
            raise self.fault
        return self.new

    def expects(self) -> float:
        return 0.0

    async def close(self) -> None:
        pass


class FakeBackend:
    device = "fake"

    def __init__(self, scores: Any = 0.1, fault: BaseException | None = None) -> None:
        self.scores, self.fault, self.seen = scores, fault, 0

    async def classify(
        self, model: str, views: NDArray[np.uint8], deadline: float, enough: Enough | None = None
    ) -> NDArray[np.float32]:
        self.seen += 1
        if self.fault is not None:
            raise self.fault
        if isinstance(self.scores, np.ndarray):
            return self.scores
        return np.array([[1 - self.scores, self.scores]] * len(views), np.float32)

    def expects(self, views: int) -> float:
        return 0.0

    def close(self) -> None:
        pass


def config(**settings: Any) -> Config:
    loaded = load(env={})
    return replace(loaded, settings=Settings.model_validate({**loaded.settings.model_dump(), **settings}))


def judge(decoder: FakeDecoder | None = None, backend: FakeBackend | None = None, **settings: Any) -> Judge:
    return Judge(config(**settings), decoder or FakeDecoder(), backend or FakeBackend(), LABELS)


async def ask(judge: Judge, data: bytes = JPEG, seconds: float = 10.0) -> Verdict:
    return await judge.judge(data, time.monotonic() + seconds)


@pytest.mark.parametrize(
    ("score", "outcome", "rule"),
    [(0.1, Outcome.PASS, None), (0.7, Outcome.PASS, "borderline"), (0.9, Outcome.REJECT, "explicit")],
)
async def test_a_score_becomes_a_verdict(score: float, outcome: Outcome, rule: str | None) -> None:
    found = await ask(judge(backend=FakeBackend(score)))
    assert (found.outcome, found.strict, found.rule, found.cause) == (outcome, outcome, rule, None)
    assert found.scores == pytest.approx({"nsfw": score})
    assert (found.sha256, found.size) == (hashlib.sha256(JPEG).hexdigest(), len(JPEG))
    assert (found.media, found.mime, found.views, found.unscanned) == ("jpeg", "image/jpeg", 1, False)
    assert set(found.stage_ms) == {"hash", "decode", "classify"}
    assert bool(found.detail) == (rule is not None)


async def test_shadow_mode_lets_pass_and_says_what_it_would_have_done() -> None:
    found = await ask(judge(backend=FakeBackend(0.9), mode="shadow"))
    assert (found.outcome, found.strict, found.rule) == (Outcome.PASS, Outcome.REJECT, "explicit")


@pytest.mark.parametrize("mode", ["enforce", "shadow"])
@pytest.mark.parametrize("failure", ["refuse", "pass"])
async def test_the_card_is_refused_in_every_mode_and_costs_no_decoding(mode: str, failure: str) -> None:
    decoder = FakeDecoder(fault=DecoderFailed("x"))
    causes = dict.fromkeys(("undecodable", "unsupported", "too_large", "decoder", "classifier", "deadline"), failure)
    found = await ask(judge(decoder, mode=mode, failure=causes), card())
    assert (found.outcome, found.rule, found.sha256) == (Outcome.REJECT, CARD_RULE, CARD_SHA256)
    assert decoder.seen == 0


FAULTS: list[tuple[JudgeError, Outcome]] = [
    (Undecodable("x"), Outcome.REJECT),
    (Unsupported("x"), Outcome.REJECT),
    (TooLarge("x"), Outcome.REJECT),
    (DecoderFailed("x"), Outcome.UNAVAILABLE),
    (ClassifierFailed("x"), Outcome.UNAVAILABLE),
    (DeadlineExceeded("x"), Outcome.UNAVAILABLE),
]


@pytest.mark.parametrize(("fault", "outcome"), FAULTS, ids=lambda value: getattr(value, "cause", str(value)))
@pytest.mark.parametrize("where", ["decoder", "backend"])
async def test_a_failure_refuses_under_its_cause(fault: JudgeError, outcome: Outcome, where: str) -> None:
    broken = judge(FakeDecoder(fault=fault)) if where == "decoder" else judge(backend=FakeBackend(fault=fault))
    found = await ask(broken)
    assert (found.outcome, found.strict, found.rule, found.cause) == (outcome, outcome, fault.cause, fault.cause)
    assert found.unscanned is False


@pytest.mark.parametrize(("fault", "outcome"), FAULTS, ids=lambda value: getattr(value, "cause", str(value)))
async def test_the_operator_may_let_one_cause_pass_and_only_that(fault: JudgeError, outcome: Outcome) -> None:
    for cause in ("undecodable", "unsupported", "too_large", "decoder", "classifier", "deadline"):
        found = await ask(judge(FakeDecoder(fault=fault), failure={cause: "pass"}))
        expected = Outcome.PASS if cause == fault.cause else outcome
        assert (found.outcome, found.strict) == (expected, outcome)
        assert found.unscanned is (cause == fault.cause)


async def test_in_shadow_mode_a_failure_passes_and_counts_as_unscanned() -> None:
    found = await ask(judge(FakeDecoder(fault=DecoderFailed("x")), mode="shadow"))
    assert (found.outcome, found.strict, found.unscanned) == (Outcome.PASS, Outcome.UNAVAILABLE, True)


@pytest.mark.parametrize(
    "scores",
    [
        np.array([[np.nan, np.nan]], np.float32),
        np.array([[0.5, np.inf]], np.float32),
        np.zeros((0, 2), np.float32),
        np.full((2, 2), 0.5, np.float32),
        np.full((1, 3), 0.3, np.float32),
        np.full((2,), 0.5, np.float32),
    ],
    ids=["NaN", "inf", "none", "two for one", "three labels for two", "flat"],
)
async def test_nonsense_from_the_classifier_refuses(scores: NDArray[np.float32]) -> None:
    found = await ask(judge(backend=FakeBackend(scores)))
    assert (found.outcome, found.cause) == (Outcome.UNAVAILABLE, "classifier")


async def test_no_views_refuse() -> None:
    found = await ask(judge(FakeDecoder(views=0)))
    assert (found.outcome, found.cause) == (Outcome.UNAVAILABLE, "decoder")


@pytest.mark.parametrize("data", [b"", b"text", b"%PDF-1.7", b"<svg/>", b"\x00" * 100])
async def test_what_is_no_picture_is_refused_before_decoding(data: bytes) -> None:
    decoder = FakeDecoder()
    found = await ask(judge(decoder), data)
    assert (found.outcome, found.mime) == (Outcome.REJECT, "application/octet-stream")
    assert found.cause == ("unsupported" if data else "undecodable")
    assert decoder.seen == 0


async def test_a_file_over_the_limit_is_refused_before_decoding() -> None:
    decoder = FakeDecoder()
    limits = {"max_file_mib": 1}
    exact = JPEG.ljust(1024 * 1024, b"\x00")
    assert (await ask(judge(decoder, limits=limits), exact)).outcome is Outcome.PASS
    found = await ask(judge(decoder, limits=limits), exact + b"\x00")
    assert (found.outcome, found.cause) == (Outcome.REJECT, "too_large")
    assert decoder.seen == 1


@pytest.mark.parametrize("size", [OFF_LOOP_BYTES - 1, OFF_LOOP_BYTES, OFF_LOOP_BYTES + 1])
async def test_the_hash_is_the_same_on_the_loop_and_off_it(size: int) -> None:
    data = JPEG.ljust(size, b"\x01")
    assert (await ask(judge(), data)).sha256 == hashlib.sha256(data).hexdigest()


class Busy(FakeBackend):
    """So much is before a file that it would be late; how many views it was asked about."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def expects(self, views: int) -> float:
        return 1000.0 if views > self.most else 0.0


@pytest.mark.parametrize(
    ("mode", "failure", "outcome"),
    [
        ("enforce", "refuse", Outcome.UNAVAILABLE),
        ("enforce", "pass", Outcome.UNAVAILABLE),  # a flood is not to be a way past the filter
        ("shadow", "refuse", Outcome.PASS),
    ],
)
@pytest.mark.parametrize("when", ["it comes", "it is decoded"])
async def test_what_would_be_late_is_told_at_once(mode: str, failure: str, outcome: Outcome, when: str) -> None:
    hold = asyncio.Event()

    class Held(FakeDecoder):
        async def decode(self, data: bytes, media: MediaType, deadline: float) -> Views:
            if not self.seen:
                self.seen += 1
                await hold.wait()
            return await super().decode(data, media, deadline)

    decoder, backend = Held(views=5), Busy(-1 if when == "it comes" else 4)
    made = judge(decoder, backend, mode=mode, failure={"deadline": failure})
    first = asyncio.create_task(ask(made))
    await asyncio.sleep(0.01)
    found = await ask(made)
    assert (found.outcome, found.strict, found.cause) == (outcome, Outcome.UNAVAILABLE, "deadline")
    assert "this one would be late" in found.detail
    assert decoder.seen == (1 if when == "it comes" else 2)
    hold.set()
    assert (await first).cause is None, "who was there alone is judged"
    assert (await ask(made)).cause is None


@pytest.mark.parametrize(("where", "refused"), [("decode", True), ("classify", False)])
async def test_a_file_is_expected_to_be_like_those_before_it(where: str, refused: bool) -> None:
    """So what is still being decoded counts with views that nobody has seen yet; and what is decoded does not."""
    hold, held = asyncio.Event(), asyncio.Event()
    hold.set()

    async def wait(here: str) -> None:
        if here == where:
            held.set()
            await hold.wait()

    class Held(FakeDecoder):
        async def decode(self, data: bytes, media: MediaType, deadline: float) -> Views:
            self.seen += 1
            await wait("decode")
            return await super().decode(data, media, deadline)

    class Models(Busy):
        async def classify(
            self, model: str, views: NDArray[np.uint8], deadline: float, enough: Enough | None = None
        ) -> NDArray[np.float32]:
            await wait("classify")
            return await super().classify(model, views, deadline, enough)

    decoder = Held(views=5)
    made = judge(decoder, Models(most=9))  # enough for one more file, and not for another one before it
    assert (await ask(made)).cause is None
    hold.clear()
    held.clear()
    first = asyncio.create_task(ask(made))
    await held.wait()
    decoded = decoder.seen
    second = asyncio.create_task(ask(made))
    await asyncio.sleep(0.01)
    assert (decoder.seen == decoded) is refused, "it is told before it is decoded"
    hold.set()
    assert (await first).cause is None
    assert (await second).cause == ("deadline" if refused else None)


@pytest.mark.parametrize("where", ["decode", "classify"])
async def test_past_the_deadline_it_refuses(where: str) -> None:
    class Slow(FakeDecoder):
        async def decode(self, data: bytes, media: MediaType, deadline: float) -> Views:
            if where == "decode":
                await asyncio.Event().wait()
            return await super().decode(data, media, deadline)

    class SlowBackend(FakeBackend):
        async def classify(
            self, model: str, views: NDArray[np.uint8], deadline: float, enough: Enough | None = None
        ) -> NDArray[np.float32]:
            await asyncio.Event().wait()
            raise AssertionError

    found = await ask(judge(Slow(), SlowBackend()), seconds=0.05)
    assert (found.outcome, found.cause) == (Outcome.UNAVAILABLE, "deadline")


async def test_what_stands_behind_the_end_of_a_still_is_not_judged_and_not_passed() -> None:
    class Trailing(FakeDecoder):
        async def decode(self, data: bytes, media: MediaType, deadline: float) -> Views:
            return replace(await super().decode(data, media, deadline), trailing=7)

    found = await ask(judge(Trailing()), JPEG + b"trailer")
    assert (found.outcome, found.size, found.sha256) == (
        Outcome.PASS,
        len(JPEG),
        hashlib.sha256(JPEG).hexdigest(),
    )
    hidden = await ask(judge(Trailing()), card() + b"trailer")
    assert (hidden.outcome, hidden.rule) == (Outcome.REJECT, CARD_RULE)


@pytest.mark.parametrize("trailing", [-1, len(JPEG), len(JPEG) + 1])
async def test_an_impossible_end_of_the_file_refuses(trailing: int) -> None:
    class Odd(FakeDecoder):
        async def decode(self, data: bytes, media: MediaType, deadline: float) -> Views:
            return replace(await super().decode(data, media, deadline), trailing=trailing)

    found = await ask(judge(Odd()))
    assert (found.outcome, found.cause) == (Outcome.UNAVAILABLE, "decoder")


@pytest.mark.parametrize("fault", [None, ClassifierFailed("it broke")], ids=["judged", "failed"])
async def test_a_verdict_says_by_what_the_first_picture_is_known(fault: Exception | None) -> None:
    class Known(FakeDecoder):
        async def decode(self, data: bytes, media: MediaType, deadline: float) -> Views:
            rows = np.arange(2 * 8 * 32).reshape(2, 8, 32).astype(np.uint8)
            return replace(await super().decode(data, media, deadline), pdq=rows, quality=np.array([61, 7], np.uint8))

    found = await ask(judge(Known(), FakeBackend(fault=fault)))
    assert (found.pdq, found.pdq_quality) == (bytes(range(32)).hex(), 61)


async def test_an_error_that_nobody_foresaw_is_not_swallowed() -> None:
    # The interceptor refuses on it; a verdict of "could not tell" is for causes that the operator may choose about.
    with pytest.raises(KeyError):
        await ask(judge(FakeDecoder(fault=KeyError("x")), failure={"decoder": "pass", "classifier": "pass"}))


async def test_the_real_parts_together() -> None:
    running = await Judge.start(load(env={}))
    try:
        passed, refused, broken, trailed = await asyncio.gather(
            ask(running), ask(running, card()), ask(running, JPEG[: len(JPEG) // 2]), ask(running, JPEG + JPEG)
        )
    finally:
        await running.close()
    assert (passed.outcome, passed.views) == (Outcome.PASS, 13)
    with Image.open(io.BytesIO(JPEG)) as image:
        known = hashed(image.convert("RGB"))
    assert (passed.pdq, passed.pdq_quality) == (known.hashes[0].tobytes().hex(), known.quality)
    assert (trailed.pdq, trailed.pdq_quality) == (passed.pdq, passed.pdq_quality)
    assert (refused.pdq, broken.pdq) == (None, None), "nothing of them was decoded"
    assert 0 < passed.scores["nsfw"] < 0.5
    assert 0 < passed.in_part["nsfw"] < 0.9
    assert refused.rule == CARD_RULE
    assert (broken.outcome, broken.cause) == (Outcome.REJECT, "undecodable")
    assert (trailed.outcome, trailed.size, trailed.scores) == (Outcome.PASS, len(JPEG), passed.scores)


def found_in(data: bytes) -> MediaType:
    media = sniff(data)
    assert media
    return media


# Stills encoded anew


def normalising(new: bytes | None = b"new", fault: BaseException | None = None, **settings: Any) -> Judge:
    decoder = FakeDecoder(fault=fault)
    decoder.new = new
    return judge(decoder, normalise=True, **settings)


async def normalised(with_: Judge, data: bytes = JPEG, seconds: float = 30) -> bytes | Verdict:
    return await with_.normalised(data, time.monotonic() + seconds)


async def test_a_still_is_judged_as_it_is_encoded_anew() -> None:
    assert await normalised(normalising()) == b"new"


async def test_what_is_no_still_is_judged_as_it_came() -> None:
    assert await normalised(normalising(new=None)) == JPEG


async def test_nothing_is_encoded_anew_unless_the_settings_want_it() -> None:
    decoder = FakeDecoder()
    decoder.new = b"new"
    assert await normalised(judge(decoder)) == JPEG
    assert decoder.seen == 0


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"no picture", id="unknown"),
        pytest.param(JPEG + bytes(1024 * 1024), id="too-large"),
        pytest.param(b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp41", id="video"),
        pytest.param(b"\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska", id="not-judged"),
        pytest.param(card(), id="card"),
        pytest.param(card() + b"trailer", id="card-with-a-trailer"),
    ],
)
async def test_what_has_a_verdict_of_its_own_is_not_encoded_anew(data: bytes) -> None:
    decoder = FakeDecoder()
    with_ = judge(decoder, normalise=True, limits={"max_file_mib": 1})
    assert await normalised(with_, data) is data
    assert decoder.seen == 0


@pytest.mark.parametrize(("fault", "outcome"), FAULTS, ids=lambda value: getattr(value, "cause", str(value)))
async def test_what_cannot_be_encoded_anew_is_refused_under_its_cause(fault: JudgeError, outcome: Outcome) -> None:
    found = await normalised(normalising(fault=fault))
    assert isinstance(found, Verdict)
    assert (found.outcome, found.strict, found.rule, found.cause) == (outcome, outcome, fault.cause, fault.cause)
    assert (found.size, found.sha256, found.media) == (len(JPEG), hashlib.sha256(JPEG).hexdigest(), "jpeg")
    passing = await normalised(normalising(fault=fault, failure={fault.cause: "pass"}))
    assert isinstance(passing, Verdict)
    assert passing.unscanned


async def test_encoding_anew_ends_with_the_deadline() -> None:
    class Slow(FakeDecoder):
        async def normalise(self, data: bytes, media: MediaType, deadline: float) -> bytes | None:
            await asyncio.Event().wait()
            raise AssertionError

    found = await normalised(judge(Slow(), normalise=True), seconds=0.05)
    assert isinstance(found, Verdict)
    assert (found.outcome, found.cause) == (Outcome.UNAVAILABLE, "deadline")


class Corner(FakeBackend):
    """Finds what is asked for in proportion to how bright a view is, as if it were a part of what is to be seen."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[int] = []

    async def classify(
        self, model: str, views: NDArray[np.uint8], deadline: float, enough: Enough | None = None
    ) -> NDArray[np.float32]:
        self.shown.append(len(views))
        found = views.mean(axis=(1, 2, 3)) / 255
        return np.stack([1 - found, found], 1).astype(np.float32)


def in_a_corner(brightness: int, magnified: int = 4, whole: int = 0) -> FakeDecoder:
    """A whole of one brightness and 4 parts, the first `magnified` of them magnified; in the third one, its last crop
    is white.
    """
    decoder = FakeDecoder()
    arrays = np.zeros((5, 10, 10, 3), np.uint8)
    arrays[0], arrays[3] = whole, brightness
    larger = np.zeros((4, 16, 16, 3), np.uint8)
    larger[2, 6:, 6:] = 255
    views = Views(900, 600, 1, (arrays,), parts=4, magnified=(larger[:magnified],))

    async def decode(data: bytes, media: MediaType, deadline: float) -> Views:
        return views

    decoder.decode = decode  # type: ignore[method-assign]
    return decoder


async def test_a_suspicious_part_is_looked_at_more_closely() -> None:
    backend = Corner()
    found = await ask(judge(in_a_corner(20), backend))
    assert (found.outcome, found.rule) == (Outcome.REJECT, "explicit")
    assert found.detail == "nsfw 1.000 in a part of it in view 10 of 10"
    assert backend.shown == [5, 5], "a crop that decides is enough"
    assert (found.views, found.in_part["nsfw"]) == (10, 1.0)
    assert found.scores["nsfw"] == 0


async def test_one_that_comes_near_no_rule_is_not() -> None:
    backend = Corner()
    found = await ask(judge(in_a_corner(7), backend))
    assert (found.outcome, found.views, backend.shown) == (Outcome.PASS, 5, [5])


async def test_nor_one_that_did_not_come_magnified() -> None:
    found = await ask(judge(in_a_corner(20, magnified=2), Corner()))
    assert (found.outcome, found.views) == (Outcome.PASS, 5)


async def test_nor_any_where_a_rule_refuses_already() -> None:
    found = await ask(judge(in_a_corner(20, whole=255), Corner()))
    assert (found.outcome, found.views) == (Outcome.REJECT, 5)


@pytest.mark.parametrize(("budget", "views"), [(9, 5), (10, 10), (14, 10), (15, 15), (100, 20)])
async def test_closer_looks_stay_within_the_budget(budget: int, views: int) -> None:
    found = await ask(judge(in_a_corner(20), Corner(), views={"budget": budget}, mode="shadow"))
    assert found.views == views
    assert (found.strict is Outcome.REJECT) is (views > 5)
