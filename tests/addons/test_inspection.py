"""One file before the judge: what each verdict leads to, what passes, and what the log keeps of it."""

from __future__ import annotations

import logging
import time
from typing import Any, get_args

import pytest

from addons.inspection import Decision, Inspector, Passed, Source
from addons.pictrs import answers
from addons.pictrs.answers import Answer
from config.policy import Origin
from model.verdict import Outcome, Verdict
from tests.addons.desk import SetJudge
from tests.running import FORBIDDEN, FakeJudge

PASS, REJECT, UNAVAILABLE = Outcome.PASS, Outcome.REJECT, Outcome.UNAVAILABLE


class Bench:
    """An inspector with a fake judge, and what it decided."""

    def __init__(self, judge: FakeJudge | None = None) -> None:
        self.decisions: list[Decision] = []
        self.inspector = Inspector(self.decisions.append)
        self.inspector.judge = judge or FakeJudge()

    async def inspect(self, data: bytes = b"one", source: Source = "upload") -> Passed | Answer:
        return await self.inspector.inspect(source, data, time.monotonic() + 5)


# Verdicts


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"outcome": PASS, "strict": PASS, "rule": "grey"}, id="logged"),
        pytest.param({"outcome": PASS, "strict": REJECT, "rule": "bad"}, id="shadow"),
        pytest.param({"outcome": PASS, "strict": UNAVAILABLE, "cause": "decoder", "rule": "decoder"}, id="unscanned"),
        pytest.param({"mime": "application/octet-stream", "media": None}, id="type-not-known"),
    ],
)
async def test_verdicts_that_let_pass(fields: dict[str, Any]) -> None:
    bench = Bench(SetJudge(**fields))
    found = await bench.inspect()
    assert isinstance(found, Passed)
    assert found.data == b"one"
    assert found.verdict is bench.decisions[0].verdict
    assert found.mime == fields.get("mime", "image/jpeg")


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        pytest.param({"outcome": REJECT, "rule": "bad"}, 400, "rejected by this server", id="rejected"),
        pytest.param({"outcome": REJECT, "rule": None}, 400, "rejected by this server", id="rejected-by-no-rule"),
        pytest.param({"outcome": REJECT, "cause": "undecodable"}, 400, "broken or incomplete", id="undecodable"),
        pytest.param({"outcome": REJECT, "cause": "unsupported"}, 400, "not accepted here", id="unsupported"),
        pytest.param({"outcome": REJECT, "cause": "too_large"}, 400, "too large to be checked", id="too-large"),
        pytest.param({"outcome": REJECT, "cause": "decoder"}, 503, "not available", id="a-fault-of-ours"),
        pytest.param({"outcome": UNAVAILABLE, "cause": "decoder"}, 503, "not available", id="decoder"),
        pytest.param({"outcome": UNAVAILABLE, "cause": "deadline"}, 503, "is busy", id="deadline"),
        pytest.param({"outcome": UNAVAILABLE}, 503, "not available", id="unavailable-without-a-cause"),
        pytest.param({"outcome": "pass"}, 503, "not available", id="a-text-in-place-of-the-outcome"),
        pytest.param({"outcome": None}, 503, "not available", id="no-outcome"),
        pytest.param({"outcome": True}, 503, "not available", id="a-truth"),
    ],
)
async def test_verdicts_that_refuse(fields: dict[str, Any], status: int, words: str) -> None:
    bench = Bench(SetJudge(**fields))
    answer = await bench.inspect()
    assert isinstance(answer, Answer)
    assert answer.status == status
    assert words in answer.msg
    assert f"(ref {bench.decisions[0].ref})" in answer.msg


@pytest.mark.parametrize("size", [1, 2])
async def test_only_what_was_judged_goes_on(size: int) -> None:
    """What stands behind the end of a still is cut off."""
    found = await Bench(SetJudge(size=size)).inspect(b"one")
    assert isinstance(found, Passed)
    assert found.data == b"one"[:size]


@pytest.mark.parametrize("size", [-1, 0, 4])
async def test_a_verdict_on_bytes_that_are_not_there_is_an_error(size: int) -> None:
    """A refusal is one whatever it says of the size."""
    with pytest.raises(ValueError, match=f"a verdict on {size} bytes of 3"):
        await Bench(SetJudge(size=size)).inspect(b"one")
    assert isinstance(await Bench(SetJudge(size=size, outcome=REJECT)).inspect(b"one"), Answer)


async def test_without_a_judge_nothing_passes() -> None:
    bench = Bench()
    bench.inspector.judge = None
    assert await bench.inspect() == answers.STARTING
    assert bench.decisions == []


async def test_what_the_judge_raises_is_the_callers() -> None:
    class Broken(FakeJudge):
        async def judge(
            self, data: bytes, deadline: float, origin: Origin | None = None, came_as: str | None = None
        ) -> Verdict:
            raise RuntimeError("a fault of ours")

    bench = Bench(Broken())
    with pytest.raises(RuntimeError):
        await bench.inspect()
    assert bench.decisions == []


async def test_the_deadline_is_the_callers() -> None:
    judge = SetJudge()
    inspector = Inspector()
    inspector.judge = judge
    await inspector.inspect("fetch", b"one", 123.5)
    assert judge.deadlines == [123.5]


@pytest.mark.parametrize("source", get_args(Source))
async def test_each_decision_is_observed_with_its_source(source: Source) -> None:
    bench = Bench()
    await bench.inspect(b"one", source)
    await bench.inspect(FORBIDDEN, source)
    assert [(decision.source, decision.verdict.outcome) for decision in bench.decisions] == [
        (source, PASS),
        (source, REJECT),
    ]


# The log


async def test_what_passes_unseen_is_counted_and_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pictrs_filter")
    unseen = {"outcome": PASS, "strict": UNAVAILABLE, "rule": "deadline", "cause": "deadline", "detail": "too slow"}
    bench = Bench(SetJudge(**unseen))
    await bench.inspect(b"one")
    await bench.inspect(b"two")
    assert bench.inspector.unscanned == 2
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    first, second = (decision.ref for decision in bench.decisions)
    assert warnings == [
        f"ref={first} passed without a verdict (deadline); 1 so far",
        f"ref={second} passed without a verdict (deadline); 2 so far",
    ]


@pytest.mark.parametrize("fields", [{}, {"outcome": PASS, "strict": REJECT, "rule": "bad"}, {"outcome": REJECT}])
async def test_what_was_judged_is_not_counted_as_unseen(
    caplog: pytest.LogCaptureFixture, fields: dict[str, Any]
) -> None:
    bench = Bench(SetJudge(**fields))
    await bench.inspect()
    assert bench.inspector.unscanned == 0
    assert caplog.records == []


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        pytest.param({}, "source=upload outcome=pass rule=- type=jpeg bytes=3 views=1 fake=0.500 ms={ms}", id="passes"),
        pytest.param(
            {"strict": REJECT, "rule": "bad", "detail": "x is high", "scores": {"a": 1.0, "b": 0.25}, "views": 2},
            "source=upload outcome=pass (would be reject) rule=bad type=jpeg bytes=3 views=2 a=1.000 b=0.250 ms={ms} "
            "(x is high)",
            id="shadow",
        ),
        pytest.param(
            {"outcome": REJECT, "strict": REJECT, "cause": "unsupported", "rule": "unsupported", "media": None}
            | {"scores": {}, "views": 0},
            "source=upload outcome=reject rule=unsupported type=- bytes=3 views=0 ms={ms}",
            id="not-judged",
        ),
        pytest.param(
            {"views": 48, "sampled": "32 of 900", "in_part": {"fake": 0.75}},
            "source=upload outcome=pass rule=- type=jpeg bytes=3 views=48 sampled=32/900 fake=0.500 fake(part)=0.750 "
            "ms={ms}",
            id="sampled-and-in-part",
        ),
        pytest.param(
            {"cached": True, "detail": "why"},
            "source=upload outcome=pass rule=- type=jpeg bytes=3 views=1 fake=0.500 ms={ms} cached (why)",
            id="cached",
        ),
    ],
)
async def test_the_line_of_a_verdict(caplog: pytest.LogCaptureFixture, fields: dict[str, Any], line: str) -> None:
    caplog.set_level(logging.INFO, "pictrs_filter")
    bench = Bench(SetJudge(**fields))
    await bench.inspect()
    (decision,) = bench.decisions
    assert caplog.messages == [f"ref={decision.ref} " + line.format(ms=decision.ms)]


async def test_refs_differ() -> None:
    bench = Bench()
    for _ in range(3):
        await bench.inspect()
    assert len({decision.ref for decision in bench.decisions}) == 3
