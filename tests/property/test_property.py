"""One property over everything: whatever clients send, pict-rs sees only what may reach it. Counted in requests.

`PROPERTY_SEED=n make pytest TESTS=tests/property` is another run; `make fuzz` is a longer one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from random import Random

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.property.drafts import KINDS, ordinary
from tests.property.harness import BATCH, Harness
from tests.property.streams import LAST, End, Stream, stream

REQUESTS = 3000
"""At the least, in each run of the tests: about 20 seconds on two cores."""
BATCHES_PER_ROUND = 50
SEED = int(os.environ.get("PROPERTY_SEED", "1"))

randoms = st.randoms(use_true_random=False)
"""Each choice is hypothesis's, so that what fails becomes small."""


@pytest.fixture(scope="module")
def harness() -> Iterator[Harness]:
    with Harness() as running:
        yield running


def test_every_request_at_pict_rs_matches_the_grammar_and_every_file_was_judged(
    harness: Harness, record_property: Callable[[str, object], None]
) -> None:
    number = SEED
    while harness.requests < REQUESTS:
        _round(number, harness)
        number += 1
    record_property(
        "figures",
        f"{harness.requests} requests (PROPERTY_SEED={SEED}), {harness.passed} reached pict-rs, "
        f"{harness.staged} staged bodies, {harness.unchanged} unchanged, answers {sorted(harness.answers.items())}",
    )
    # That it says nothing about what never happens: enough of everything did.
    assert harness.passed > REQUESTS / 20
    assert harness.staged > REQUESTS / 200
    assert harness.unchanged > 0
    assert {200, 201, 204, 400, 404, 405, 415} <= harness.answers.keys()
    assert {"POST /image", "POST /internal/import", "GET /image/original"} <= harness.routes.keys()


def _round(number: int, harness: Harness) -> None:
    @seed(number)
    @settings(
        max_examples=BATCHES_PER_ROUND,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(st.lists(st.builds(stream, randoms), min_size=1, max_size=BATCH))
    def send(streams: list[Stream]) -> None:
        harness.send(streams)

    send()


@pytest.mark.parametrize("kind", KINDS)
def test_ordinary_requests_reach_pict_rs_and_what_is_forbidden_does_not(kind: str) -> None:
    random = Random(SEED)
    with Harness() as harness:
        for _ in range(6):
            drafts = [ordinary(random, [kind]) for _ in range(3)]
            before, passing = harness.passed, sum(draft.passes for draft in drafts)
            whole = Stream(b"".join(draft.write() for draft in drafts), requests=3, intact=True)
            (heard,) = harness.send([whole], patient=True)
            assert harness.passed - before == passing
            statuses = heard.statuses(Stream(b"HEAD"))
            assert [status >= 500 for status in statuses[:-1]].count(True) <= len(drafts) * (
                kind in ("proxied", "verbatim")
            )
            assert statuses[-1] == 200


def test_all_ends_and_pieces_are_heard_out() -> None:
    whole = b"".join(ordinary(Random(number), ["upload"]).write() for number in range(3))
    cuts = tuple(range(1, len(whole), 97))
    with Harness() as harness:
        for end in End:
            harness.send([Stream(whole, end, cuts, 3, end in (End.ASK, End.WAIT))])
        assert harness.requests == 12
        harness.send(
            [Stream(b"", End.WAIT), Stream(b"", End.ASK), Stream(LAST[:-1], End.WAIT), Stream(whole[:-9], End.HALF)]
        )
