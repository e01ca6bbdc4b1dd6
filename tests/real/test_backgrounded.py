"""Backgrounded uploads: judged before pict-rs says 202, and claimed as without the filter."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.conftest import RunReal
from tests.http1 import ask, upload
from tests.pictrs import VERSIONS
from tests.real.conftest import (
    ALLOW_LOCAL,
    NOTHING,
    Scene,
    assert_rejected,
    escaped,
    fresh,
    holding,
    looks_like,
    pixels,
)
from tests.running import FORBIDDEN, FakeJudge

BACKGROUNDED = "/image/backgrounded"
KNOWN_TO = tuple(version for version in VERSIONS if not version.startswith("0.3"))
OBEYS_STEPS = ("0.5", "0.6")  # the keys of an upload's query; 0.4 ignores them


@pytest.fixture(scope="module", params=KNOWN_TO)
def scene(request: pytest.FixtureRequest, run_real: RunReal) -> Iterator[Scene]:
    with Scene(run_real(request.param, ALLOW_LOCAL), FakeJudge()) as scene:
        yield scene


def test_an_upload_is_claimed_and_served(scene: Scene) -> None:
    data = fresh()
    answer = upload(scene.gate.address, data, target=BACKGROUNDED)
    assert (answer.status, list(answer.json()["uploads"][0])) == (202, ["upload_id"])
    assert scene.gate.decisions[-1].source == "upload"
    claimed = scene.claim(answer)
    assert claimed.status == 200
    assert looks_like(scene.served(claimed), data)


def test_the_claim_is_pictrs_own(scene: Scene) -> None:
    through = scene.claim(upload(scene.gate.address, fresh(), target=BACKGROUNDED))
    started = upload(scene.real.address, fresh(), target=BACKGROUNDED).json()["uploads"][0]["upload_id"]
    direct = ask(scene.real.address, "GET", f"{BACKGROUNDED}/claim?upload_id={started}")
    assert (through.status, set(through.json())) == (direct.status, set(direct.json()))
    assert set(through.json()["files"][0]) == set(direct.json()["files"][0])


def test_it_is_claimed_once(scene: Scene) -> None:
    answer = upload(scene.gate.address, fresh(), target=BACKGROUNDED)
    assert scene.claim(answer).status == 200
    again = scene.claim(answer)
    assert (again.status, again.json().get("code", "already-claimed")) == (400, "already-claimed")
    assert "claimed" in again.json()["msg"]


def test_a_claim_of_nothing_is_answered_by_pictrs(scene: Scene) -> None:
    target = f"{BACKGROUNDED}/claim?upload_id={uuid.uuid4()}"
    through, direct = scene.get(target), ask(scene.real.address, "GET", target)
    assert (through.status, through.body) == (direct.status, direct.body)
    assert through.status == 400


def test_what_is_forbidden_is_refused_at_once(scene: Scene) -> None:
    before, forwarded = holding(scene.real), scene.forwarded
    assert_rejected(upload(scene.gate.address, fresh() + FORBIDDEN, target=BACKGROUNDED))
    assert_rejected(upload(scene.gate.address, fresh(), fresh() + FORBIDDEN, target=BACKGROUNDED))
    url = scene.site.put("/forbidden.png", fresh() + FORBIDDEN)
    assert_rejected(scene.get(f"/image/download?url={escaped(url)}&backgrounded=true"))
    assert holding(scene.real) - before == NOTHING
    assert scene.forwarded == forwarded


def test_a_download_is_fetched_by_the_filter_alone(scene: Scene) -> None:
    data = fresh()
    url = scene.site.put("/ordinary.png", data, fresh() + FORBIDDEN)
    answer = scene.get(f"/image/download?url={escaped(url)}&backgrounded=true")
    assert scene.tap.requests[-1].method == "POST"
    assert looks_like(scene.served(answer), data)
    assert scene.site.fetches["/ordinary.png"] == 1
    assert scene.gate.decisions[-1].source == "fetch"


def test_steps_reach_pictrs(scene: Scene) -> None:
    served = scene.served(upload(scene.gate.address, fresh(), target=f"{BACKGROUNDED}?resize=60"))
    assert pixels(served).shape == ((40, 60, 3) if scene.line in OBEYS_STEPS else (80, 120, 3))


def test_a_failure_of_pictrs_is_told_in_the_claim(scene: Scene) -> None:
    # The fake judge lets it pass, and pict-rs finds that it is no picture.
    before = holding(scene.real).aliases
    claimed = scene.claim(upload(scene.gate.address, b"hello, world", target=BACKGROUNDED))
    assert (claimed.status, "msg" in claimed.json()) == (422, True)
    assert holding(scene.real).aliases == before
