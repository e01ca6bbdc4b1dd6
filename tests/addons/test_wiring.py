"""The parts, connected: what runs from start to end, with a judge that is started, used and closed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote

import pytest

from addons import wiring
from addons.admission import FETCH_SHARE, HOST_SHARE
from addons.audit.place import LOG_NAME
from addons.audit.reader import NoLog, Reader
from addons.audit.store import Store
from addons.fetch.seal import Seal
from addons.inspection import Decision, Passed
from addons.launcher import Filter
from addons.page.sources import Reloaded
from addons.pictrs.answers import Answer
from addons.pictrs.table import INTERNAL_API
from addons.reload import State
from addons.state import StateError, load_key
from addons.wiring import Parts, build, described
from config.load import Config, load
from config.media import MIB
from config.settings import InternalRoute
from model.cached import CachedJudge
from model.errors import ModelError
from model.verdict import Outcome
from tests.http1 import ask, upload, write_answer
from tests.recorder import Recorder, Site
from tests.running import FORBIDDEN, FakeJudge, RunningFilter, config, until

UPSTREAM = ("127.0.0.1", 9)


class Watched(FakeJudge):
    """Notes with what it was started, and that it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.started_with: list[Config] = []
        self.closed = 0

    async def start(self, given: Config) -> FakeJudge:
        self.started_with.append(given)
        await asyncio.sleep(0.01)  # no judge is there at once
        return self

    async def close(self) -> None:
        self.closed += 1


async def test_nothing_is_loaded_before_it_runs() -> None:
    judge = Watched()
    parts = build(config(UPSTREAM), start_judge=judge.start)
    assert parts.inspector.judge is None
    assert judge.started_with == []
    await parts.life.done()  # an end before a beginning
    assert judge.closed == 0


async def test_the_judge_is_started_once_and_closed_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pictrs_filter")
    judge, given = Watched(), config(UPSTREAM)
    whole = Filter(given, start_judge=judge.start, ask_upstream=False)
    await whole.start()
    await whole.warm()
    assert judge.started_with == [given]
    assert whole.device == "fake"
    listening = "{}:{}".format(*whole.address)
    await whole.stop()
    assert judge.closed == 1
    assert whole.device == "-"  # no request finds a judge that is closed
    assert caplog.messages == [
        "loading nsfw (open-nsfw)",
        f"ready: listening on {listening}, {described(given, 'fake')}",
    ]


def test_how_pictures_are_judged_in_one_line() -> None:
    given = config(UPSTREAM, mode="shadow")
    assert described(given, "cuda:0 (Some GPU)") == (
        "upstream http://127.0.0.1:9, model open-nsfw on cuda:0 (Some GPU), mode shadow, 2 rules, "
        f"policy {given.hash[:8]}"
    )


async def test_a_judge_that_cannot_be_had_ends_it() -> None:
    async def start(_: Config) -> Any:
        raise ModelError("fetch the model again")

    whole = Filter(config(UPSTREAM), start_judge=start, ask_upstream=False)
    await whole.start()
    with pytest.raises(ModelError, match="fetch the model again"):
        await whole.warm()
    async with asyncio.timeout(10):  # it ends by itself
        await whole.wait()
    assert isinstance(whole.failure, ModelError)
    await whole.stop()  # it does no harm, and frees the port


async def test_an_end_while_the_judge_is_started() -> None:
    never = asyncio.Event()

    async def start(_: Config) -> Any:
        await never.wait()

    whole = Filter(config(UPSTREAM), start_judge=start, ask_upstream=False)
    await whole.start()
    await whole.stop()
    assert whole.failure is None


async def test_who_observes_sees_every_decision_and_the_end_tells_of_the_unseen(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "pictrs_filter")
    seen: list[Decision] = []
    parts = build(config(UPSTREAM), seen.append, Watched().start)
    parts.inspector.judge = Watched()
    assert isinstance(await inspect(parts, b"one"), Passed)
    assert [decision.verdict.outcome for decision in seen] == [Outcome.PASS]
    parts.inspector.unscanned = 3
    await parts.life.done()
    assert caplog.messages == ["3 files passed without a verdict in this run"]


async def inspect(parts: Parts, data: bytes) -> Passed | Answer:
    return await parts.inspector.inspect("upload", data, time.monotonic() + 5)


@asynccontextmanager
async def running(given: Config, judge: FakeJudge | None = None) -> AsyncIterator[Parts]:
    """The parts in a filter that runs."""
    made = judge or Watched()

    async def start(_: Config) -> FakeJudge:
        return made

    whole = Filter(given, start_judge=start, ask_upstream=False)
    await whole.start()
    try:
        await whole.warm()
        yield whole._parts
    finally:
        await whole.stop()


# Settings that arrive


@pytest.mark.parametrize(("verdicts", "asked"), [(2, 1), (0, 2)])
async def test_the_same_bytes_are_judged_once(verdicts: int, asked: int) -> None:
    judge = Watched()
    async with running(config(UPSTREAM, cache={"verdicts": verdicts}), judge) as parts:
        found = [await inspect(parts, b"one") for _ in range(2)]
        assert judge.seen == [b"one"] * asked
        last = found[1]
        assert isinstance(last, Passed)
        assert last.verdict.cached is (verdicts > 0)


async def test_a_verdict_is_remembered_for_as_long_as_is_said() -> None:
    judge = Watched()
    async with running(config(UPSTREAM, cache={"verdicts": 9, "verdict_seconds": 1e-9}), judge) as parts:
        for _ in range(2):
            await inspect(parts, b"one")
    assert judge.seen == [b"one"] * 2


@pytest.mark.parametrize(
    ("cache", "fetches"),
    [
        ({}, 1),
        ({"addresses": 0}, 2),
        ({"refused_seconds": 1e-9}, 2),
        ({"failed_seconds": 1e-9}, 1),
    ],
    ids=str,
)
def test_what_was_refused_is_remembered_as_is_said(cache: dict[str, float], fetches: int) -> None:
    assert fetched_in_two(FORBIDDEN, 200, cache) == fetches


@pytest.mark.parametrize(
    ("cache", "fetches"), [({}, 1), ({"refused_seconds": 1e-9}, 1), ({"failed_seconds": 1e-9}, 2)], ids=str
)
def test_what_could_not_be_fetched_is_remembered_as_is_said(cache: dict[str, float], fetches: int) -> None:
    assert fetched_in_two(b"x", 404, cache) == fetches


def fetched_in_two(body: bytes, status: int, cache: dict[str, float]) -> int:
    """How many fetches there were for two downloads of one address."""
    with Recorder() as recorder, Site() as site:
        fetch = {"ports": (site.address[1],), "allow_networks": ("127.0.0.1/32",)}
        with RunningFilter(config(recorder.address, fetch=fetch, cache=cache), FakeJudge()) as gate:
            target = f"/image/download?url={quote(site.put('/a.jpg', body, status=status), safe='')}"
            first, second = (ask(gate.address, "GET", target) for _ in range(2))
            assert [first.status, second.status] == [400, 400]
    return site.fetches["/a.jpg"]


def test_fetches_name_the_filter_as_a_fetcher_and_requests_for_pict_rs_by_its_name_alone(tmp_path: Path) -> None:
    name = Seal(load_key(tmp_path)).instance
    with Recorder() as recorder, Site() as site:
        fetch = {"ports": (site.address[1],), "allow_networks": ("127.0.0.1/32",)}
        given = config(recorder.address, fetch=fetch, state_dir=str(tmp_path))
        with RunningFilter(given, FakeJudge()) as gate:
            url = quote(site.put("/a.jpg", b"one"), safe="")
            assert ask(gate.address, "GET", f"/image/download?url={url}").status == 201
        assert site.requests[0].header("x-pictrs-filter") == [f"{name}-fetch"]
        assert recorder.requests[0].header("x-pictrs-filter") == [name]


def test_places_and_room_are_as_is_said() -> None:
    with Recorder() as recorder:
        given = config(
            recorder.address,
            limits={"max_file_mib": 1, "max_request_mib": 1},
            overload={"media_requests": 1, "media_mib": 1},
        )
        with RunningFilter(given, FakeJudge()) as gate:
            admission = gate.filter._parts.admission
            slot = admission.enter()
            assert slot is not None
            assert admission.enter() is None
            assert slot.hold(MIB)
            assert not slot.hold(MIB + 1)
            assert upload(gate.address, b"one").status == 503
            slot.leave()
            assert upload(gate.address, b"one").status == 201


def test_pict_rs_is_given_the_address_that_is_set() -> None:
    with Recorder() as recorder:
        callback = {"url": "http://filter.test:8082"}
        with RunningFilter(config(recorder.address, callback=callback), FakeJudge()) as gate:
            ask(gate.address, "GET", "/image/original?proxy=http://h/a.png")
        assert "proxy=http%3A%2F%2Ffilter.test%3A8082%2Fv%2F" in recorder.requests[0].target


async def test_of_one_host_as_much_is_fetched_at_once_as_its_share() -> None:
    async with running(config(UPSTREAM, overload={"media_requests": 8})) as parts:
        shares = parts.staging._retrieval._shares
        assert shares.places == int(8 * HOST_SHARE) == 3
        assert shares.most_bytes == 96 * MIB


async def test_one_file_may_always_be_fetched() -> None:
    """However small the share of a host is, and that of all fetches."""
    tight = config(UPSTREAM, overload={"media_mib": 41}, limits={"max_request_mib": 41})
    async with running(tight) as parts:
        assert parts.staging._retrieval._shares.most_bytes == 40 * MIB
        with parts.admission.enter(FETCH_SHARE) as slot:  # type: ignore[union-attr]
            assert slot.hold(40 * MIB)
            assert not slot.hold(41 * MIB)


async def test_pict_rs_itself_is_never_fetched_from() -> None:
    async with running(config(("127.0.0.1", 8080), fetch={"allow_networks": ("127.0.0.0/8",)})) as parts:
        permitted = parts.staging._retrieval._fetcher._permitted
        assert permitted("127.0.0.1", 80)
        assert not permitted("127.0.0.1", 8080)


async def test_what_passed_is_marked_with_how_it_was_judged() -> None:
    given = config(UPSTREAM)
    async with running(given) as parts:
        assert parts.staging.judging == parts.judges.judging != given.judging  # which knows nothing of lists
        assert parts.judges.judging.startswith(f"{given.judging}-")
        judge = parts.inspector.judge
        assert isinstance(judge, CachedJudge)
        assert judge.policy == parts.judges.judging  # and is remembered under nothing else


def test_it_finds_out_what_pict_rs_can_do_unless_told_not_to() -> None:
    for asks in (True, False):
        with Recorder() as recorder:
            with RunningFilter(config(recorder.address), FakeJudge(), ask_upstream=asks):
                if asks:
                    until(lambda: recorder.requests)
            assert bool(recorder.requests) is asks


async def test_its_questions_end_with_it() -> None:
    whole = Filter(config(UPSTREAM), start_judge=Watched().start, ask_upstream=True)
    await whole.start()
    await whole.warm()
    assert [task for task in asyncio.all_tasks() if task.get_name() == "survey"]
    await whole.stop()
    assert [task for task in asyncio.all_tasks() if task.get_name() == "survey"] == []


def test_without_a_key_there_are_no_parts(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(StateError, match="cannot be used"):
        build(config(UPSTREAM, state_dir=str(tmp_path / "state")))


def test_the_table_of_routes_and_the_settings_name_the_same() -> None:
    """The floors are kept apart, so neither can import the other's list."""
    assert get_args(InternalRoute) == INTERNAL_API


def test_a_webhook_is_told_of_a_refusal_and_stands_in_nobodys_way(recorder: Recorder, judge: FakeJudge) -> None:
    with Recorder(lambda _: write_answer(204)) as webhook:
        notify = {"url": f"http://127.0.0.1:{webhook.address[1]}/hook"}
        with RunningFilter(config(recorder.address, notify=notify), judge) as gate:
            assert upload(gate.address, b"a picture").status == 201
            assert upload(gate.address, FORBIDDEN).status == 400
            until(lambda: webhook.requests)
            assert [decision.verdict.rule for decision in gate.decisions] == [None, "fake-rule"]
    (request,) = webhook.requests
    message = json.loads(request.body)
    assert message["rules"] == {"fake-rule": 1}
    assert message["files"][0]["ref"] == gate.decisions[1].ref


# The log of verdicts


def log_of(given: Config) -> Reader:
    return Reader(given.settings.state_folder / LOG_NAME)


async def test_every_verdict_is_in_the_log_with_its_circumstances(tmp_path: Path) -> None:
    given = config(UPSTREAM, state_dir=str(tmp_path), mode="shadow")
    async with running(given) as parts:
        await inspect(parts, b"one")
        await inspect(parts, FORBIDDEN)
    second, first = log_of(given).rows()
    assert [(row.outcome, row.rule) for row in (first, second)] == [("pass", None), ("reject", "fake-rule")]
    assert {(row.mode, row.backend, row.policy) for row in (first, second)} == {("shadow", "fake", given.hash)}
    assert (first.sha256, second.sha256) == (None, hashlib.sha256(FORBIDDEN).hexdigest())
    assert abs(first.at - time.time()) < 600


async def test_a_log_that_is_not_wanted_is_not_made(tmp_path: Path) -> None:
    given = config(UPSTREAM, state_dir=str(tmp_path), audit={"keep_rows": 0})
    async with running(given) as parts:
        await inspect(parts, b"one")
        assert parts.log_of_verdicts is None
    with pytest.raises(NoLog):
        log_of(given).count()


async def test_who_observes_and_fails_keeps_nothing_from_the_log(tmp_path: Path) -> None:
    def fail(_: Decision) -> None:
        raise RuntimeError("a fault of ours")

    given = config(UPSTREAM, state_dir=str(tmp_path))
    parts = build(given, fail, Watched().start)
    parts.inspector.judge = Watched()
    assert isinstance(await inspect(parts, b"one"), Passed)
    assert isinstance(await inspect(parts, FORBIDDEN), Answer)
    await parts.life.done()
    assert log_of(given).count() == 2


@pytest.mark.parametrize("fault", ["a folder in its place", "locked", "no database"])
def test_the_gate_is_the_same_without_a_log(tmp_path: Path, fault: str) -> None:
    """It neither opens nor closes for the log's sake, starts, and ends."""
    path = tmp_path / LOG_NAME
    if fault == "a folder in its place":
        path.mkdir()
    elif fault == "no database":
        path.write_text("no database at all")
    with Recorder() as recorder, closing(sqlite3.connect(":memory:")) as holder:
        given = config(recorder.address, state_dir=str(tmp_path))
        if fault == "locked":
            with closing(Store(path)) as store:
                store.open()
            holder.execute("ATTACH ? AS log", (str(path),))
            holder.execute("BEGIN EXCLUSIVE")
            holder.execute("DELETE FROM log.verdicts")
        with RunningFilter(given, FakeJudge()) as gate:
            assert upload(gate.address, b"one").status == 201
            assert upload(gate.address, FORBIDDEN).status == 400
            writer = gate.filter._parts.log_of_verdicts
            assert writer is not None
            if fault == "no database":
                until(lambda: writer.written == 2)
            else:
                until(lambda: writer.failing)
        assert len(recorder.requests) == 1
        assert writer.written + writer.dropped == 2


def test_the_page_is_told_of_reloads_alone() -> None:
    state = State(load(None, {}), 5.0, first=True)
    assert wiring._reloaded(state) is None
    assert wiring._reloaded(replace(state, first=False, waiting=("listen",))) == Reloaded(True, 5.0, "", ("listen",))
    assert wiring._reloaded(replace(state, first=False, problems=("a", "b"))) == Reloaded(False, 5.0, "a; b")
