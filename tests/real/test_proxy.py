"""Views of remote pictures by `?proxy=`: pict-rs is given an address of ours, asks for it on a miss alone, and never
hears of the picture's own address. (What comes of a forbidden one on each route is in test_ingest.py.)
"""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import RunReal
from tests.http1 import Request, ask, write_answer
from tests.real.conftest import (
    ALLOW_LOCAL,
    NOTHING,
    OURS,
    WAIT_SECONDS,
    WITH_PROXY,
    Scene,
    assert_rejected,
    escaped,
    fresh,
    holding,
    looks_like,
    pixels,
    tagged,
    wait_for,
)
from tests.running import FORBIDDEN, FakeJudge

AT_ONCE = 6
STAGED = re.compile(r"[?]proxy=(http%3A%2F%2F127\.0\.0\.1%3A[0-9]+%2Fv%2F[A-Za-z0-9_-]+)(?:&|$)")
_numbers = itertools.count(1)


@pytest.fixture(scope="module", params=WITH_PROXY)
def scene(request: pytest.FixtureRequest, run_real: RunReal) -> Iterator[Scene]:
    with Scene(run_real(request.param, ALLOW_LOCAL), FakeJudge()) as scene:
        yield scene


def put(scene: Scene, data: bytes | None = None) -> str:
    """A picture on the site, with an ETag. Gives the URL."""
    return scene.site.route(f"/{next(_numbers)}.png", tagged(data or fresh()))


def store(scene: Scene, data: bytes | None = None) -> str:
    """A picture that pict-rs has, and for now does not ask for again. Gives the URL."""
    url = put(scene, data)
    for _ in range(2 if scene.line == "0.6" else 1):  # 0.6 asks at the second view whether it has changed
        assert scene.view(url).status == 200
    return url


def staged(request: Request) -> str:
    """The address of ours in a request that pict-rs was sent."""
    found = STAGED.search(request.target)
    assert found, request.target
    return found[1]


def test_a_miss_costs_one_fetch_and_one_judging(scene: Scene) -> None:
    data, (fetched, judged) = fresh(), scene.effort()
    url, calls = put(scene, data), len(scene.asked)
    answer = scene.view(url)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/png")
    assert looks_like(answer.body, data)
    assert scene.effort() == (fetched + 1, judged + 1)
    assert scene.gate.decisions[-1].source == "proxy"
    assert len(scene.asked) == calls + 1


def test_a_hit_costs_nothing(scene: Scene) -> None:
    data = fresh()
    url = store(scene, data)
    before, calls = scene.effort(), len(scene.asked)
    for _ in range(2):
        assert looks_like(scene.view(url).body, data)
    assert scene.effort() == before
    assert len(scene.asked) == calls


def test_a_hit_survives_a_restart(scene: Scene) -> None:
    data = fresh()
    url = store(scene, data)
    fetched, _ = scene.effort()
    scene.restart()
    assert looks_like(scene.view(url).body, data)
    assert scene.effort() == (fetched, 0)


def test_an_address_has_one_key_however_it_is_spelled(scene: Scene) -> None:
    data = fresh()
    url = scene.site.route("/spelled.png?width=640&s=a%2Fb", tagged(data))
    fetched, judged = scene.effort()
    for target in (
        f"/image/original?proxy={escaped(url)}",  # as Lemmy writes it for details
        f"/image/original?proxy={url}",  # and for views
        f"/image/process.webp?proxy={url}&thumbnail=16",
        f"/image/original?proxy={escaped(url)}",
    ):
        assert scene.get(target).status == 200
    assert scene.get(f"/image/details/original?proxy={escaped(url)}").status == 200
    # 0.6 asks once more, and hears from the site that nothing has changed: no second judging
    assert scene.effort() == (fetched + (2 if scene.line == "0.6" else 1), judged + 1)
    assert len({staged(request) for request in scene.tap.requests[-5:]}) == 1


def test_a_picture_with_a_query_is_not_another_one(scene: Scene) -> None:
    one, two = fresh(), fresh()
    urls = [scene.site.route(f"/same.png?w={number}", tagged(data)) for number, data in enumerate((one, two))]
    assert [looks_like(scene.get(f"/image/original?proxy={url}").body, one) for url in urls] == [True, False]


def test_a_head_fetches_nothing(scene: Scene) -> None:
    url, before, calls = put(scene), scene.effort(), len(scene.asked)
    had = holding(scene.real)
    for route, more in (("original", ""), ("process.webp", "&thumbnail=16")):
        assert scene.view(url, route, more, "HEAD").status == 404
    assert (scene.effort(), len(scene.asked)) == (before, calls)
    assert holding(scene.real) - had == NOTHING
    whole = scene.view(url)
    assert whole.status == 200
    head = scene.view(url, method="HEAD")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(whole.body)))
    assert scene.effort() == (before[0] + 1, before[1] + 1)


def test_a_look_up_fetches_nothing(scene: Scene) -> None:
    url, before, calls = put(scene), scene.effort(), len(scene.asked)
    lookups = (
        ("details/original", ""),
        ("details/process.webp", "&thumbnail=16"),
        ("process_backgrounded.webp", "&thumbnail=16"),
    )
    for route, more in lookups:
        assert scene.view(url, route, more).status == 404
    assert (scene.effort(), len(scene.asked)) == (before, calls)
    assert scene.view(url, "process.webp", "&thumbnail=16").status == 200
    details = scene.view(url, "details/original")
    assert (details.status, details.json()["width"], details.json()["height"]) == (200, 120, 80)
    small = scene.view(url, "details/process.webp", "&thumbnail=16")
    assert (small.status, small.json()["width"]) == (200, 16)
    assert scene.view(url, "process_backgrounded.webp", "&thumbnail=24").status == 202
    assert scene.effort() == (before[0] + 1, before[1] + 1)


@pytest.mark.parametrize(("route", "more"), [("process.webp", "&thumbnail=16"), ("blurhash", "")])
def test_what_is_made_of_a_picture_costs_one_fetch(scene: Scene, route: str, more: str) -> None:
    url, (fetched, judged) = put(scene), scene.effort()
    answer = scene.view(url, route, more)
    assert answer.status == 200
    assert scene.effort() == (fetched + 1, judged + 1)
    if route == "blurhash":
        assert answer.json()["blurhash"]
    else:
        assert pixels(answer.body).shape[1] == 16
    assert scene.view(url, "details/original").status == 200
    assert scene.effort() == (fetched + 1, judged + 1)


def test_views_at_once_share_one_fetch(scene: Scene) -> None:
    data, name, calls = fresh(), f"/{next(_numbers)}.png", len(scene.asked)
    everybody = threading.Event()

    def answer(request: Request) -> bytes:
        everybody.wait(WAIT_SECONDS)
        return write_answer(200, data, {"Content-Type": "image/png"})

    url, (fetched, judged) = scene.site.route(name, answer), scene.effort()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        views = [pool.submit(scene.view, url) for _ in range(AT_ONCE)]
        try:
            wait_for(lambda: len(scene.asked) >= calls + AT_ONCE)
        finally:
            everybody.set()
        answers = [view.result() for view in views]
    assert [found.status for found in answers] == [200] * AT_ONCE
    assert all(looks_like(found.body, data) for found in answers)
    assert scene.effort() == (fetched + 1, judged + 1)


def test_a_refusal_is_ours_and_remembered(scene: Scene) -> None:
    url, before = put(scene, fresh() + FORBIDDEN), holding(scene.real)
    fetched, judged = scene.effort()
    first, second = scene.view(url), scene.get(f"/image/original?proxy={url}")
    assert_rejected(first)
    assert second.body == first.body  # the same `ref`, which leads to the one line in the log
    assert scene.effort() == (fetched + 1, judged + 1)
    assert holding(scene.real) - before == NOTHING
    assert scene.view(url, "details/original").status == 404  # a look-up: pict-rs's own word
    assert scene.effort() == (fetched + 1, judged + 1)


def test_a_picture_that_is_not_there_is_a_refusal_of_ours(scene: Scene) -> None:
    url, before = f"{scene.site.url}/nowhere-{next(_numbers)}.png", holding(scene.real)
    answers = [scene.view(url), scene.view(url)]
    assert [(found.status, found.json()["code"]) for found in answers] == [(400, "download-file-error")] * 2
    assert scene.site.fetches[url.removeprefix(scene.site.url)] == 1
    assert holding(scene.real) - before == NOTHING


@pytest.mark.parametrize("name", ["purge", "delete"])
def test_what_was_viewed_is_removed_by_its_address(scene: Scene, name: str) -> None:
    url = store(scene)
    fetched, _ = scene.effort()
    target = f"/internal/{name}?proxy={escaped(url)}"
    assert scene.get(target, "POST").status == 401  # without the key: pict-rs's own word
    assert scene.view(url, method="HEAD").status == 200
    assert scene.get(target, "POST", x_api_token=scene.real.api_key).status == 200
    wait_for(lambda: scene.view(url, method="HEAD").status == 404)  # pict-rs does it in the background
    assert scene.get(target, "POST", x_api_token=scene.real.api_key).status == 404
    assert scene.effort()[0] == fetched
    assert scene.view(url).status == 200
    assert scene.effort()[0] == fetched + 1


def test_pictrs_never_hears_of_the_address(scene: Scene) -> None:
    url, key = put(scene), {"x_api_token": scene.real.api_key}
    seen, before = len(scene.tap.requests), {request.target for request in scene.asked}
    scene.view(url, method="HEAD")
    for spelled in (escaped(url), url):
        for route in ("original", "process.webp"):
            assert scene.get(f"/image/{route}?proxy={spelled}").status == 200
    for route in ("blurhash", "details/original", "details/process.webp", "process_backgrounded.webp"):
        scene.view(url, route)
    for name in ("purge", "delete"):
        scene.get(f"/internal/{name}?proxy={escaped(url)}", "POST", **key)
    assert len({staged(request) for request in scene.tap.requests[seen:]}) == 1
    assert len(scene.tap.requests) - seen == 11
    assert scene.told() == []
    (path,) = {request.target for request in scene.asked} - before
    assert path.startswith("/v/")
    agents = [request.header("user-agent") for request in scene.site.requests if request.target in url]
    assert agents
    assert all(len(agent) == 1 and agent[0].startswith(OURS) for agent in agents)


def test_pictrs_may_ask_for_nothing_but_what_was_staged(scene: Scene) -> None:
    url = put(scene)
    before = scene.effort()
    for path in ("/v/" + "A" * 60, "/v/", "/", "/image/original/a.png", f"/v/{escaped(url)}"):
        assert ask(scene.gate.callback, "GET", path).status == 404
    assert scene.effort() == before
