"""Loads: what is sent, what is counted, and that a file nobody judged would be seen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from config.settings import Settings
from tests.bench import growth, load, loads, processes, stub
from tests.bench.load import Result, Spec
from tests.bench.memory import Rss
from tests.bench.sizes import QUICK
from tests.http1 import upload

DEADLINE = Settings().deadline_seconds


@pytest.fixture(scope="module")
def upstream() -> Iterator[processes.Program]:
    with processes.upstream() as running:
        yield running


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.jpeg"
    path.write_bytes(QUICK.small.make(0))
    return path


def test_the_upstream_knows_the_files_that_came(upstream: processes.Program) -> None:
    before = len(loads.stored(upstream))
    for file in (b"one", b"\r\n--x--\r\n", b"one"):
        assert upload(upstream.address, file).status == 201
    assert upload(upstream.address, bytes(1_000_000)).status == 201
    one, other = hashlib.sha256(b"one").hexdigest(), hashlib.sha256(b"\r\n--x--\r\n").hexdigest()
    assert loads.stored(upstream)[before:] == [one, other, one, "-"]


def test_a_closed_load_ends_after_so_many(upstream: processes.Program, picture: Path) -> None:
    before = len(loads.stored(upstream))
    found = load.run(Spec(upstream.address, 60, uploads=str(picture), connections=3, most=20))
    assert found.statuses(upload=True) == {201: 20}
    assert found.statuses(upload=False) == {}
    assert len(set(loads.stored(upstream)[before:])) == 20  # each another file


def test_an_open_load_has_both_kinds(upstream: processes.Program, picture: Path) -> None:
    found = load.run(Spec(upstream.address, 0.5, 1000, str(picture), rate=40, views_rate=40))
    assert found.statuses(upload=True).keys() == {201}
    assert found.statuses(upload=False).keys() == {200}


def test_nothing_is_heard_of_nobody() -> None:
    found = load.run(Spec(("127.0.0.1", 9), 0.2, 1000, views_rate=50))
    assert found.statuses().keys() == {0}


def test_moments_are_as_many_as_said_and_in_order() -> None:
    moments = list(load._moments(Spec(("", 0), 1000, rate=3, views_rate=1)))
    assert [at for at, _ in moments] == sorted(at for at, _ in moments)
    assert len(moments) == pytest.approx(4000, rel=0.1)
    assert sum(upload for _, upload in moments) == pytest.approx(3000, rel=0.1)


def test_what_became_of_a_load() -> None:
    answers = [
        (True, 100.0, 0.1, 201),
        (True, 101.0, 0.3, 201),
        (True, 101.0, DEADLINE + 1, 201),  # too late
        (True, 109.9, 0.2, 201),  # answered after the load was over
        (True, 102.0, 0.02, 503),
        (True, 103.0, 0.04, 503),
        (True, 104.0, 1.0, 0),
    ]
    run = loads.summed(Result(11, answers), 1.5, capacity=0.4, seconds=10)
    assert (run.sent, run.accepted, run.refused, run.late, run.failed) == (7, 4, 2, 1, 1)
    assert run.goodput == pytest.approx(0.5)  # 2 in 10 s, where 4 can be done
    assert run.p50_ms == pytest.approx(200)
    assert run.refused_p50_ms == pytest.approx(20)
    assert run.refused_p99_ms == pytest.approx(40)


@pytest.mark.parametrize(
    ("there", "passed", "count"),
    [
        ([], [], 0),
        (["a", "b"], ["b", "a", "c"], 0),
        (["a", "b", "a"], ["a"], 1),
        (["a", "b", "b"], ["a"], 2),
        (["a", "-", "-"], ["a"], 0),
        (["-", "b"], [], 1),
    ],
    ids=["nothing", "all passed", "one too many", "the same one twice", "large ones", "one beside a large one"],
)
def test_files_that_nobody_judged_are_counted(there: list[str], passed: list[str], count: int) -> None:
    assert loads.unscanned(there, passed) == count


def test_a_load_tells_what_lies_upstream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lying = [["before"], ["before", "judged", "-", "smuggled", "-"]]
    monkeypatch.setattr(processes, "stubbed", lambda *_: nullcontext(SimpleNamespace(address=("", 0))))
    monkeypatch.setattr(load, "run", lambda _: Result(1.0, []))
    monkeypatch.setattr(loads, "stored", lambda _: lying.pop(0))
    monkeypatch.setattr(stub, "read", lambda _: stub.Figures(passed=["judged"]))
    files = tmp_path / "small", tmp_path / "large"
    for file in files:
        file.touch()
    upstream: Any = SimpleNamespace(url="")
    found = loads._one(upstream, "real", "a model", files, QUICK, lambda _: None)
    assert (found.stored, found.unscanned, found.unknown) == (4, 1, 2)
    assert "  4 files lie upstream: 1 unscanned, 2 not known (too large to hash)" in loads.lines(found)


def test_lag_is_of_the_window_alone() -> None:
    found = loads.lag([(1.0, 9.0), (2.0, 0.001), (3.0, 0.003), (4.0, 9.0)], (1.5, 3.5))
    assert (found.times, found.p50_ms, found.max_ms) == (2, 1.0, 3.0)


def test_growth_is_from_where_it_has_settled() -> None:
    after = {500: Rss(10, 10, 20), 1000: Rss(100, 50, 150), 3000: Rss(300, 50, 350)}
    found = growth.grown(after, 1000)
    assert (found.settled, found.proxy, found.decoders) == (1000, 100, 0)


def test_the_notebook_has_what_passed_and_not_what_was_refused(upstream: processes.Program, tmp_path: Path) -> None:
    figures, file = tmp_path / "figures.json", QUICK.small.make(1)
    with processes.stubbed(upstream.url, "zeros", figures) as running:
        assert upload(running.address, file).status == 201
        assert upload(running.address, b"no picture").status == 400
    noted = stub.read(figures)
    assert noted.passed == [hashlib.sha256(file).hexdigest()]
    assert noted.lags
    assert len(noted.stages["decode"]) == 1
