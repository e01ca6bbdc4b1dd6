"""The contract of every Backend, on fake models; each new Backend joins BACKENDS. And the check of an answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pytest

from model.batcher import Batcher
from model.classifier import ROUNDING, SUM_TOLERANCE, Backend, Model, checked
from model.device import Device
from model.errors import ClassifierFailed, DeadlineExceeded
from tests.fakemodels import BATCH, Answers, Echo, Gated, Raises, Scores, entered, scores_of, soon, views

MakeBackend = Callable[[Mapping[str, Model]], Backend]
BACKENDS: dict[str, MakeBackend] = {"batcher": lambda models: Batcher([Device(models)])}


@pytest.fixture(params=list(BACKENDS))
def serve(request: pytest.FixtureRequest) -> Iterator[MakeBackend]:
    """Makes backends that are closed when the test is over."""
    made: list[Backend] = []

    def make(models: Mapping[str, Model]) -> Backend:
        made.append(BACKENDS[request.param](models))
        return made[-1]

    yield make
    for backend in made:
        backend.close()


# The contract


async def test_scores_come_back_row_by_row(serve: MakeBackend) -> None:
    scores = await serve({"m": Echo()}).classify("m", views(0, 51, 255), soon())
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, scores_of(0, 51, 255), atol=1e-6)


async def test_each_of_many_callers_gets_its_own_rows(serve: MakeBackend) -> None:
    backend = serve({"m": Echo(), "other": Answers(np.array([[0, 1]], np.float32))})
    asked = [tuple((caller * 7 + offset) % 256 for offset in range(1 + caller % 3)) for caller in range(32)]
    answers = await asyncio.gather(*(backend.classify("m", views(*values), soon()) for values in asked))
    for values, scores in zip(asked, answers, strict=True):
        np.testing.assert_allclose(scores, scores_of(*values), atol=1e-6)


async def test_each_model_answers_for_itself(serve: MakeBackend) -> None:
    backend = serve({"echo": Echo(), "fixed": Answers(np.array([[0.25, 0.75]], np.float32))})
    echo, fixed = await asyncio.gather(
        backend.classify("echo", views(255), soon()), backend.classify("fixed", views(255), soon())
    )
    assert (echo.tolist(), fixed.tolist()) == ([[1, 0]], [[0.25, 0.75]])


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(np.array([[np.nan, 1], [0, 1]], np.float32), id="not a number"),
        pytest.param(np.array([[np.inf, 0], [0, 1]], np.float32), id="infinite"),
        pytest.param(np.array([[0, 1]], np.float32), id="a row too few"),
        pytest.param(np.array([[0, 1]] * 3, np.float32), id="a row too many"),
        pytest.param(np.array([[0], [1]], np.float32), id="a label too few"),
        pytest.param(np.array([[0, 0, 1]] * 2, np.float32), id="a label too many"),
        pytest.param(np.array([0, 1], np.float32), id="no rows"),
        pytest.param(np.array([[0, 1]] * 2, np.float64), id="float64"),
        pytest.param(np.array([[0, 1]] * 2, np.int64), id="integers"),
        pytest.param(np.array([[-0.5, 1.5]] * 2, np.float32), id="outside 0..1"),
        pytest.param(np.array([[0.5, 0.9]] * 2, np.float32), id="no softmax"),
        pytest.param([[0.0, 1.0]] * 2, id="a list"),
        pytest.param(None, id="nothing"),
    ],
)
async def test_a_nonsense_answer_is_no_score(serve: MakeBackend, answer: object) -> None:
    with pytest.raises(ClassifierFailed, match="the model answered with"):
        await serve({"m": Answers(answer)}).classify("m", views(1, 2), soon())


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: out of memory"),
        ValueError("a shape"),
        MemoryError("no memory"),
        TimeoutError("not ours"),
        KeyError("x"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_whatever_a_model_raises_is_a_failure_and_not_the_end(serve: MakeBackend, error: Exception) -> None:
    backend = serve({"bad": Raises(error), "good": Echo()})
    with pytest.raises(ClassifierFailed, match=f"the model raised {type(error).__name__}"):
        await backend.classify("bad", views(1), soon())
    assert (await backend.classify("good", views(255), soon())).tolist() == [[1, 0]]


async def test_an_unknown_model_and_no_views_are_failures(serve: MakeBackend) -> None:
    backend = serve({"m": Echo()})
    with pytest.raises(ClassifierFailed, match="no model 'x'"):
        await backend.classify("x", views(1), soon())
    with pytest.raises(ClassifierFailed, match="no views"):
        await backend.classify("m", views(1)[:0], soon())


async def test_a_deadline_that_has_passed_never_reaches_the_model(serve: MakeBackend) -> None:
    model = Echo()
    with pytest.raises(DeadlineExceeded):
        await serve({"m": model}).classify("m", views(1), time.monotonic())
    assert model.sizes == []


async def test_the_deadline_frees_the_caller_while_the_model_is_busy(serve: MakeBackend) -> None:
    model = Gated()
    backend = serve({"m": model})
    try:
        with pytest.raises(DeadlineExceeded):
            await backend.classify("m", views(1), time.monotonic() + 0.05)
        assert not model.gate.is_set()
    finally:
        model.gate.set()
    np.testing.assert_allclose(await backend.classify("m", views(9), soon()), scores_of(9), atol=1e-6)


async def test_what_waited_past_its_deadline_is_never_run(serve: MakeBackend) -> None:
    model = Gated()
    backend = serve({"m": model})
    first = asyncio.create_task(backend.classify("m", views(1), soon()))
    await entered(model)
    with pytest.raises(DeadlineExceeded):
        await backend.classify("m", views(2, 2), time.monotonic() + 0.05)
    model.gate.set()
    await first
    await backend.classify("m", views(3, 3, 3), soon())
    assert model.sizes == [1, 3]


async def test_what_was_cancelled_while_it_waited_is_never_run(serve: MakeBackend) -> None:
    model = Gated()
    backend = serve({"m": model})
    first = asyncio.create_task(backend.classify("m", views(1), soon()))
    await entered(model)
    second = asyncio.create_task(backend.classify("m", views(2, 2), soon()))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    model.gate.set()
    np.testing.assert_allclose(await first, scores_of(1), atol=1e-6)
    await backend.classify("m", views(3, 3, 3), soon())
    assert model.sizes == [1, 3]


async def test_a_cancelled_caller_is_free_at_once_and_the_next_one_is_served(serve: MakeBackend) -> None:
    model = Gated()
    backend = serve({"m": model})
    task = asyncio.create_task(backend.classify("m", views(*[1] * (3 * BATCH)), soon()))
    await entered(model)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not model.gate.is_set()
    model.gate.set()
    await backend.classify("m", views(3), soon())
    assert model.sizes == [BATCH, 1], "the rest of what nobody waits for was judged"


async def test_closing_fails_those_who_wait_and_those_who_come_after(serve: MakeBackend) -> None:
    model = Gated()
    backend = serve({"m": model})
    running = asyncio.create_task(backend.classify("m", views(*[1] * (2 * BATCH)), soon()))
    await entered(model)
    waiting = asyncio.create_task(backend.classify("m", views(2), soon()))
    await asyncio.sleep(0)
    closing = asyncio.create_task(asyncio.to_thread(backend.close))
    with pytest.raises(ClassifierFailed, match="closed"):
        await waiting
    model.gate.set()
    with pytest.raises(ClassifierFailed, match="closed"):
        await running
    await closing
    with pytest.raises(ClassifierFailed, match="closed"):
        await backend.classify("m", views(3), soon())
    assert model.sizes == [BATCH]


# The check of an answer, at its limits


def row(*scores: float) -> Scores:
    return np.array([scores], dtype=np.float32)


@pytest.mark.parametrize(
    "scores",
    [
        pytest.param(row(0, 1), id="the ends"),
        pytest.param(row(0.5), id="one label need not add up to 1"),
        pytest.param(row(0.5, 0.5 + SUM_TOLERANCE * 0.9), id="nearly a softmax"),
        pytest.param(row(-ROUNDING * 0.9, 1 + ROUNDING * 0.9), id="rounded beyond the ends"),
    ],
)
def test_an_answer_at_the_limit_counts(scores: Scores) -> None:
    np.testing.assert_array_equal(checked(scores, 1, scores.shape[1]), scores.clip(0, 1))


@pytest.mark.parametrize(
    "scores",
    [
        pytest.param(row(0.5, 0.5 + SUM_TOLERANCE * 1.1), id="adds up to too much"),
        pytest.param(row(0.5, 0.5 - SUM_TOLERANCE * 1.1), id="adds up to too little"),
        pytest.param(row(1 + ROUNDING * 2), id="above 1"),
        pytest.param(row(-ROUNDING * 2), id="below 0"),
    ],
)
def test_an_answer_beyond_the_limit_does_not(scores: Scores) -> None:
    with pytest.raises(ClassifierFailed):
        checked(scores, 1, scores.shape[1])
