"""What the filter finds out about the real pict-rs at its start, and what it makes of a pict-rs that may not ask it."""

from __future__ import annotations

import logging

import pytest

from tests.conftest import RunReal
from tests.http1 import ask
from tests.pictrs import VERSIONS
from tests.real.conftest import ALLOW_LOCAL, NOTHING, WITH_PROXY, Scene, escaped, fresh, holding, tagged, wait_for
from tests.running import FakeJudge

SETTING = "=".join(next(iter(ALLOW_LOCAL.items())))


@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_told_apart_and_keeps_nothing(run_real: RunReal, version: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pictrs_filter")
    real = run_real(version, ALLOW_LOCAL)
    before = holding(real)
    with Scene(real, FakeJudge(), ask_upstream=True) as scene:
        wait_for(lambda: f"upstream is pict-rs {real.line}: " in caplog.text)
        if version in WITH_PROXY:
            wait_for(lambda: f"pict-rs asks the filter for them at {scene.calls.url}" in caplog.text)
        assert {request.method for request in scene.tap.requests} == {"GET"}
        assert not any(request.header("x-api-token") for request in scene.tap.requests)
    assert holding(real) - before == NOTHING
    assert "refused" not in caplog.text


@pytest.mark.parametrize("version", WITH_PROXY)
def test_one_that_refuses_local_addresses(run_real: RunReal, version: str, caplog: pytest.LogCaptureFixture) -> None:
    real = run_real(version)
    before = holding(real)
    with Scene(real, FakeJudge(), ask_upstream=True) as scene:
        wait_for(lambda: SETTING in caplog.text)
        url = scene.site.route("/ordinary.png", tagged(fresh()))
        for route, more in (("original", ""), ("process.webp", "&thumbnail=16"), ("blurhash", "")):
            answer = scene.view(url, route, more)
            assert (answer.status, answer.json()["code"]) == (503, "image-check-unavailable")
            assert answer.headers["Retry-After"]
        assert scene.view(url, method="HEAD").status == 404  # the same as where it may ask
        direct = ask(real.address, "GET", f"/image/original?proxy={escaped(url)}")
        assert (direct.status, direct.json()["msg"]) == (400, "Proxy url resolves to local address")
        assert scene.site.raw == []
        assert scene.calls.raw == []
        ordinary = ask(scene.gate.address, "GET", f"/image/download?url={escaped(url)}")
        assert ordinary.status == 201  # fetched by the filter
    assert len((holding(real) - before).aliases) == 1
