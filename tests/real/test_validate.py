"""The second line: pict-rs's own hook (`external_validation`, from 0.4.3) pointed at the filter's /validate.

It sees what reaches pict-rs round the filter. What pict-rs sends and makes of the answers is in
test_validation_shapes.py.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import pytest
from PIL import Image

from model.card import card
from tests.conftest import RunReal
from tests.http1 import Answer, ask, form, upload, write_answer
from tests.pictrs import VERSIONS
from tests.ports import free_port
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
from tests.recorder import Recorder

WITH_HOOK = tuple(version for version in VERSIONS if not version.startswith("0.3"))


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
    assert sources(scene, judged) == ["hook"]
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
    assert sources(scene, judged) == ["hook"]
    assert not (holding(scene.real) - before).aliases
    assert scene.get("/image/original/forbidden.png").status == 404
    wait_for(lambda: holding(scene.real) - before == NOTHING)  # it was in the store before the hook was asked


def test_what_comes_through_the_filter_passes_both_lines(scene: Scene) -> None:
    data, judged = fresh(), len(scene.gate.decisions)
    assert looks_like(scene.served(upload(scene.gate.address, data)), data)
    assert sources(scene, judged) == ["upload", "hook"]
    url = scene.site.route("/ordinary.png", tagged(fresh()))
    scene.served(scene.get(f"/image/download?url={escaped(url)}"))
    assert sources(scene, judged)[2:] == ["fetch", "hook"]
    if scene.line != "0.4":
        data, judged = fresh(), len(scene.gate.decisions)
        assert looks_like(scene.view(scene.site.route("/proxied.png", tagged(data))).body, data)
        assert sources(scene, judged) == ["proxy", "hook"]


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


NAME = "filter.test"
"""A name for this machine in the folder that pict-rs runs in (.ci/real-pictrs), as containers have names."""


@pytest.mark.parametrize("version", WITH_HOOK)
@pytest.mark.parametrize(("host", "local"), [("127.0.0.1", False), (NAME, True), (NAME, False)])
def test_a_hook_by_name_is_local_too(run_real: RunReal, version: str, host: str, local: bool) -> None:
    """From 0.5.21 pict-rs asks no name on a private network, and then every upload fails: the README says so."""
    with Recorder(lambda _: write_answer(200, b'{"msg":"ok"}')) as hook:
        url = f"http://{host}:{hook.address[1]}/validate"
        real = run_real(version, {"PICTRS__MEDIA__EXTERNAL_VALIDATION": url} | (ALLOW_LOCAL if local else {}))
        answer = upload(real.address, fresh())
        works = host != NAME or local or version.startswith("0.4")
        assert answer.status == (201 if works else 500), answer.body
        assert len(hook.requests) == works


def test_a_gif_that_pict_rs_turns_into_a_video_is_not_judged(run_real: RunReal) -> None:
    """0.4 shows its hook what it made of an upload: of a large animation (256 pixels by default) a video."""
    port = free_port()
    hook = {"PICTRS__MEDIA__EXTERNAL_VALIDATION": f"http://127.0.0.1:{port}/validate"}
    with Scene(run_real("0.4.8", hook), callback={"listen": f"127.0.0.1:{port}"}) as scene:
        frames = [Image.new("RGB", (300, 300), color) for color in ("navy", "teal", "olive")]
        out = io.BytesIO()
        frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=200)
        answer = upload(scene.gate.address, out.getvalue())
        assert answer.status == 500, answer.body
        verdicts = [
            (decision.source, decision.verdict.media, decision.verdict.cause) for decision in scene.gate.decisions
        ]
        assert verdicts == [("upload", "gif", None), ("hook", "webm", "unsupported")]
