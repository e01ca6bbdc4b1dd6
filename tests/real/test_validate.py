"""The second line: pict-rs's own hook (`external_validation`, from 0.4.3) pointed at the filter's /validate.

It sees what reaches pict-rs round the filter. What pict-rs sends and makes of the answers is in
test_validation_shapes.py.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from model.card import card
from tests.conftest import RunReal
from tests.http1 import Answer, ask, form, upload
from tests.pictrs import VERSIONS
from tests.real.conftest import (
    ALLOW_LOCAL,
    NOTHING,
    Scene,
    assert_rejected,
    cat,
    escaped,
    fresh,
    holding,
    looks_like,
    tagged,
    wait_for,
)

WITH_HOOK = tuple(version for version in VERSIONS if not version.startswith("0.3"))


def free_port() -> int:
    """A port that nothing listens on just now: pict-rs is told it before the filter runs."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module", params=WITH_HOOK)
def scene(request: pytest.FixtureRequest, run_real: RunReal) -> Iterator[Scene]:
    port = free_port()
    hook = {"PICTRS__MEDIA__EXTERNAL_VALIDATION": f"http://127.0.0.1:{port}/validate"}
    with Scene(run_real(request.param, ALLOW_LOCAL | hook), callback={"listen": f"127.0.0.1:{port}"}) as scene:
        yield scene


def sources(scene: Scene, since: int) -> list[str]:
    return [decision.source for decision in scene.gate.decisions[since:]]


def test_an_ordinary_picture_round_the_filter_is_stored(scene: Scene) -> None:
    data, judged = fresh(), len(scene.gate.decisions)
    answer = upload(scene.real.address, data)
    assert sources(scene, judged) == ["validate"]
    assert looks_like(scene.served(answer), data)


def refusing(answer: Answer) -> bool:
    """Whether pict-rs answers that its hook refused."""
    if answer.status == 500:  # 0.4
        return bool(answer.json() == {"msg": "Failed external validation"})
    return (answer.status, answer.json()["code"]) == (400, "failed-external-validation")


@pytest.mark.parametrize("forbidden", [cat, card])
@pytest.mark.parametrize("route", ["/image", "/internal/import"])
def test_a_forbidden_picture_round_the_filter_is_gone(scene: Scene, forbidden: Callable[[], bytes], route: str) -> None:
    judged, before = len(scene.gate.decisions), holding(scene.real)
    headers, body = form(forbidden(), filename="forbidden.png")
    answer = ask(scene.real.address, "POST", route, body, headers | {"x-api-token": scene.real.api_key})
    assert refusing(answer), answer.body
    assert sources(scene, judged) == ["validate"]
    assert not (holding(scene.real) - before).aliases
    assert scene.get("/image/original/forbidden.png").status == 404
    wait_for(lambda: holding(scene.real) - before == NOTHING)  # it was in the store before the hook was asked


def test_what_comes_through_the_filter_passes_both_lines(scene: Scene) -> None:
    data, judged = fresh(), len(scene.gate.decisions)
    assert looks_like(scene.served(upload(scene.gate.address, data)), data)
    assert sources(scene, judged) == ["upload", "validate"]
    url = scene.site.route("/ordinary.png", tagged(fresh()))
    scene.served(scene.get(f"/image/download?url={escaped(url)}"))
    assert sources(scene, judged)[2:] == ["fetch", "validate"]
    if scene.line != "0.4":
        data, judged = fresh(), len(scene.gate.decisions)
        assert looks_like(scene.view(scene.site.route("/proxied.png", tagged(data))).body, data)
        assert sources(scene, judged) == ["proxy", "validate"]


def test_what_the_first_line_refuses_the_second_never_sees(scene: Scene) -> None:
    judged, forwarded = len(scene.gate.decisions), scene.forwarded
    assert_rejected(upload(scene.gate.address, cat()))
    assert sources(scene, judged) == ["upload"]
    assert scene.forwarded == forwarded


def test_without_the_filter_nothing_comes_in(scene: Scene) -> None:
    before = holding(scene.real)
    scene.gate.stop()
    assert upload(scene.real.address, fresh()).status >= 400
    scene.restart()
    assert not (holding(scene.real) - before).aliases
    wait_for(lambda: holding(scene.real) - before == NOTHING)
    assert upload(scene.real.address, fresh()).status == 201
