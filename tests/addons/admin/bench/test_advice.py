"""Is that fast enough, and if not, what helps? Also at the limits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from addons.admin.bench.advice import Costs, assess
from addons.admin.bench.pace import Pace
from addons.admin.bench.report import Uploading

COSTS = Costs(
    deadline_seconds=8.0,
    views=13.0,
    model_ms=300.0,
    decode_ms=100.0,
    tiles=True,
    device="cpu",
    decoders=2,
    cores=4,
    load_before=0.0,
)
ALONE = Uploading(1, Pace((400.0,) * 5, 0, 2.0), None)


def busy(slowest: float = 1500.0, failed: int = 0, done: int = 10) -> Uploading:
    """Ten in four seconds, one of them slow."""
    ms = (1000.0,) * (done - 1) + (slowest,) if done else ()
    return Uploading(4, Pace(ms, failed, 4.0), '503 "later"' if failed else None)


def test_fast_enough() -> None:
    found = assess(ALONE, busy(), COSTS)
    assert (found.pictures_per_second, found.p99_ms, found.burst_pictures) == (2.5, 1500.0, 20)
    assert found.fast_enough
    assert found.advice == ()
    assert found.assessment == (
        "This server can judge 2.5 pictures a second, p99 1500 ms with 4 at a time; one alone takes 400 ms. The "
        "deadline is 8 s (deadline_seconds); Lemmy allows 10 s. FAST ENOUGH: up to about 20 pictures at the same "
        "moment are all judged in time."
    )


@pytest.mark.parametrize(("slowest", "enough"), [(4000.0, True), (4000.1, False)])
def test_half_of_the_deadline(slowest: float, enough: bool) -> None:
    found = assess(ALONE, busy(slowest), COSTS)
    assert found.fast_enough is enough
    assert ("TIGHT: " in found.assessment) is not enough
    assert bool(found.advice) is not enough


def test_one_without_a_verdict_is_too_many() -> None:
    found = assess(ALONE, busy(failed=1), COSTS)
    assert not found.fast_enough
    assert 'TOO SLOW: 1 of 16 uploads got no verdict and were refused (503 "later").' in found.assessment
    early = assess(replace(ALONE, pace=Pace((400.0,), 2, 2.0), answer="502"), busy(), COSTS)
    assert "TOO SLOW: 2 of 13 uploads got no verdict and were refused (502)." in early.assessment


def test_none_was_judged() -> None:
    found = assess(Uploading(1, Pace((), 1, 8.0), "503"), busy(failed=4, done=0), COSTS)
    assert (found.pictures_per_second, found.p99_ms, found.burst_pictures) == (0.0, None, 0)
    assert found.assessment.startswith("This server judged none of 4 pictures. The deadline is 8 s")
    assert "TOO SLOW: 5 of 5" in found.assessment


TILES, GPU, BACKEND, SMALLER = "views.tiles: false looks", "a GPU, which", "backend: auto", "a smaller model"


@pytest.mark.parametrize(
    ("costs", "there", "not_there"),
    [
        pytest.param(COSTS, ["the model takes 75% of", TILES, GPU, SMALLER], [BACKEND, "decoder.proc"], id="model"),
        pytest.param(replace(COSTS, tiles=False), [GPU], [TILES], id="no-tiles"),
        pytest.param(replace(COSTS, views=1.0), [GPU], [TILES], id="one-view"),
        pytest.param(replace(COSTS, device="cuda:0 (H)"), [TILES], [GPU], id="gpu"),
        pytest.param(replace(COSTS, backend="torch"), [BACKEND], [], id="backend"),
        pytest.param(replace(COSTS, backend="auto"), [GPU], [BACKEND], id="backend-auto"),
        pytest.param(
            replace(COSTS, decode_ms=400.0),
            ["decoding takes 57% of", "decoder.processes: 4", "limits.max_area_pixels"],
            [TILES, GPU, SMALLER],
            id="decoding",
        ),
        pytest.param(replace(COSTS, decode_ms=400.0, cores=2), ["limits"], ["decoder.processes"], id="no-core-left"),
    ],
)
def test_the_ways_out(costs: Costs, there: list[str], not_there: list[str]) -> None:
    said = "\n".join(assess(ALONE, busy(5000.0), costs).advice)
    assert [word for word in there if word not in said] == []
    assert [word for word in not_there if word in said] == []
    assert "a machine with more or faster cores" in said


@pytest.mark.parametrize(("load", "noted"), [(2.0, False), (2.1, True)])
def test_others_that_disturb_are_told_in_any_case(load: float, noted: bool) -> None:
    found = assess(ALONE, busy(), replace(COSTS, load_before=load))
    assert found.fast_enough
    assert any("other programs were at work" in one for one in found.advice) is noted


@pytest.mark.parametrize(("deadline", "noted"), [(9.9, False), (10.0, True)])
def test_a_deadline_that_lemmy_does_not_wait_for(deadline: float, noted: bool) -> None:
    found = assess(ALONE, busy(), replace(COSTS, deadline_seconds=deadline))
    assert any("deadline_seconds is not below the 10 s" in one for one in found.advice) is noted
