"""Lemmy's image proxy (from 0.19.4): a remote picture from the making of the post to its views, as Lemmy asks for it.

A post names a remote picture by U, an address as Rust's `url` crate prints it. Lemmy 0.19 sends U escaped when the post
is made and unescaped at each view, so that U's own query runs into pict-rs's; both must lead to one picture.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest

from addons.pictrs import placeholder
from config.load import Config
from tests.conftest import RunReal
from tests.http1 import Answer, ask
from tests.real.conftest import (
    ALLOW_LOCAL,
    NOTHING,
    WITH_PROXY,
    Scene,
    assert_rejected,
    fresh,
    holding,
    looks_like,
    pixels,
    tagged,
)
from tests.real.lemmy_heads import V1, V19_4, Does, first
from tests.real.lemmy_replay import (
    converse,
    discretion,
    fields,
    read_details,
    read_refusal,
)
from tests.real.lemmy_replay import replay as send
from tests.recorder import Site
from tests.running import FakeJudge

PASSWORD = "correct-horse"
QUERY = "/q{}.jpg?width=640&s=a%2Fb"

TARGETS = {
    # a name of it: what stands behind the host in U, and what the site is asked for
    "its own query": (QUERY, QUERY),
    "signs and escapes": ("/a+b%20c%25{}.jpg?d+e=%20f&%2525=%2F",) * 2,
    "umlauts": ("/%C3%BC{}.jpg?n=%C3%A4",) * 2,
    "umlauts as they are": ("/ü{}.jpg?n=ä", "/%C3%BC{}.jpg?n=%C3%A4"),  # Lemmy 1.0 passes on what its client wrote
    "an empty query": ("/t{}.jpg?", "/t{}.jpg"),
    "no query": ("/t{}.jpg",) * 2,
    "what need not be escaped": ("/t{}.jpg?a?b&size[]=1&[x]=(2)|3",) * 2,
    "pict-rs's own words": ("/r{}.jpg?u=http://h/x.jpg?a=1&thumbnail=7&src=a.png&alias=b.png&proxy=c",) * 2,
    "an address of another Lemmy": ("/pictrs/image/{}.jpeg?format=webp&thumbnail=256",) * 2,
}
LONE = {"umlauts as they are"}  # not what 0.19 can send unescaped: its client would escape it
ON_0_6 = {"its own query", "umlauts as they are", "an address of another Lemmy"}  # the rest does not depend on pict-rs

SEEN = "accept: image/avif,image/webp,*/*"  # in the heads of views: a browser's, for an <img>
VIEWS = (Does.SEE, Does.SEE_SMALL)

_numbers = itertools.count(1)


class Proxying(Scene):
    """A scene whose filter may ask the usual ports too."""

    def _config(self, labels: object, settings: dict[str, object]) -> Config:
        made = super()._config(labels, settings)  # type: ignore[arg-type]  # handed on
        fetch = made.settings.fetch.model_copy(update={"ports": (80, 443, self.site.address[1])})
        return replace(made, settings=made.settings.model_copy(update={"fetch": fetch}))


@pytest.fixture(scope="module", params=WITH_PROXY)
def scene(request: pytest.FixtureRequest, run_real: RunReal) -> Iterator[Proxying]:
    with Proxying(run_real(request.param, ALLOW_LOCAL), FakeJudge()) as scene:
        yield scene


@pytest.fixture(autouse=True)
def discreet(scene: Proxying, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever a test here does, at its end nobody has been told what is the user's."""
    with discretion(scene, caplog):
        yield
    assert PASSWORD not in caplog.text


def lemmy_of(scene: Scene) -> str:
    """0.19 before pict-rs 0.5, 1.0 before 0.6."""
    return V1 if scene.line == "0.6" else V19_4


def say(scene: Scene, does: Does, url: str, lemmy: str | None = None) -> Answer:
    """Ask the filter, as Lemmy does."""
    return send(scene.gate.address, first(lemmy or lemmy_of(scene), does), **fields(url))


def say_as_backend(scene: Scene, does: Does, url: str, lemmy: str) -> Answer:
    """The same view by one who does not put pictures first: as requests of Lemmy's own, and scripts, ask."""
    head = first(lemmy, does)
    lines = head.lines.replace(SEEN, "accept: */*")
    assert lines != head.lines
    return send(scene.gate.address, replace(head, lines=lines), **fields(url))


def assert_placeholder(answer: Answer) -> None:
    """A browser gets the refusal as a picture, which is the same for every refusal and is not to be kept."""
    assert (answer.status, answer.headers["Content-Type"]) == (400, "image/png"), answer.body
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.body == placeholder.picture()


def make_post(scene: Scene, url: str) -> list[Answer]:
    """What Lemmy asks when a post is made, on one connection."""
    heads = [first(lemmy_of(scene), does) for does in (Does.FETCH, Does.DETAILS)]
    return converse(scene.gate.address, *((head, head.fill(**fields(url)), None) for head in heads))


def asked(scene: Scene, target: str) -> list[bool]:
    """How the site was asked for it, by and by: whether unconditionally. 0.6 looks at its second view for a change."""
    return [not request.header("if-none-match") for request in scene.site.requests if request.target == target]


LIVES = [
    pytest.param(version, name, id=f"{version} {name}")
    for version, names in zip(WITH_PROXY, (TARGETS, sorted(ON_0_6)), strict=True)
    for name in names
]


@pytest.mark.parametrize(("scene", "name"), LIVES, indirect=["scene"])
def test_the_life_of_a_post(scene: Proxying, name: str) -> None:
    number = next(_numbers)
    written, target = (each.replace("{}", str(number)) for each in TARGETS[name])
    picture, before, total = fresh(), holding(scene.real), scene.site.fetches.total()
    scene.site.route(target, tagged(picture))
    url = scene.site.url + written
    made, details = make_post(scene, url)
    assert made.status == 200, made.body
    assert looks_like(made.body, picture)
    read_details(details.json())
    came = holding(scene.real) - before
    assert (len(came.files), len(came.aliases)) == (1, 1)
    for lemmy in (V19_4, V1) if name not in LONE else (V1,):
        seen = say(scene, Does.SEE, url, lemmy)
        assert (seen.status, seen.headers["Content-Type"], seen.body) == (200, "image/png", made.body)
        small = say(scene, Does.SEE_SMALL, url, lemmy)
        assert (small.status, small.headers["Content-Type"]) == (200, "image/webp"), small.body
        assert max(pixels(small.body).shape) == 96
    came = holding(scene.real) - before
    assert (len(came.files), len(came.aliases)) == (2, 1)  # the picture and the small one of it
    assert asked(scene, target) == ([True, False] if scene.line == "0.6" else [True])
    assert scene.site.fetches.total() == total + len(asked(scene, target))  # for nothing else
    assert len({request.target.partition("&")[0].partition("?")[2] for request in scene.tap.requests}) == 1


def test_views_may_come_first(scene: Proxying) -> None:
    target, picture = QUERY.format(next(_numbers)), fresh()
    url = scene.site.route(target, tagged(picture))
    assert say(scene, Does.SEE_SMALL, url, V19_4).status == 200
    assert looks_like(say(scene, Does.SEE, url, V19_4).body, picture)
    read_details(say(scene, Does.DETAILS, url).json())
    assert asked(scene, target).count(True) == 1


def test_an_address_that_ends_like_lemmys_own_addition(scene: Proxying) -> None:
    # What 0.19 sends cannot tell a U that ends in `&thumbnail=7` from one without; with Lemmy's own behind it, it can.
    target, picture = f"/e{next(_numbers)}.jpg?a=1&thumbnail=7", fresh()
    url = scene.site.route(target, tagged(picture))
    assert max(pixels(say(scene, Does.SEE_SMALL, url, V19_4).body).shape) == 96
    assert looks_like(say(scene, Does.SEE, url, V19_4).body, picture)
    assert asked(scene, target).count(True) == 1


def test_a_fragment_is_no_part_of_an_address(scene: Proxying) -> None:
    target, before = f"/f{next(_numbers)}.jpg?a=1", holding(scene.real)
    url = scene.site.route(target, tagged(fresh()))
    made, details = make_post(scene, url + "#part")
    assert (made.status, details.status) == (200, 200)
    assert say(scene, Does.SEE, url + "#part", V1).body == made.body
    assert say(scene, Does.SEE, url, V19_4).body == made.body  # reqwest leaves the fragment out, and all behind it
    assert asked(scene, target).count(True) == 1
    assert len((holding(scene.real) - before).aliases) == 1


def test_an_apostrophe_is_seen_in_either_spelling(scene: Proxying) -> None:
    # In a query reqwest writes it as %27, so that 0.19's views name another address than its posts: U is fetched twice.
    target = f"/it's-{next(_numbers)}.jpg"
    changed = target.replace("'", "%27")
    for each in (target, changed):
        scene.site.route(each, tagged(fresh()))
    assert [answer.status for answer in make_post(scene, scene.site.url + target)] == [200, 200]
    assert say(scene, Does.SEE, scene.site.url + changed, V19_4).status == 200
    assert (asked(scene, target), asked(scene, changed)) == ([True], [True])


@pytest.mark.parametrize(
    "spellings",
    [
        ["http://pictures.example/a.jpg", "http://PICTURES.example/a.jpg", "HTTP://Pictures.Example:80/a.jpg"],
        ["https://pictures.example/a.jpg", "https://pictures.example:443/a.jpg", "https://pictures.example/x/../a.jpg"],
        [
            "http://b\u00fccher.example/a.jpg",
            "http://xn--bcher-kva.example/a.jpg",
            "http://xn--bcher-kva.example/a.jpg#x",
        ],
    ],
)
def test_spellings_of_one_host_share_one_key(scene: Proxying, spellings: list[str]) -> None:
    for url in spellings:
        assert say(scene, Does.DETAILS, url).status == 404  # a look-up: nothing is fetched
    assert len(scene.tap.requests) == len(spellings)
    assert len({request.target for request in scene.tap.requests}) == 1


@pytest.mark.parametrize("does", [Does.FETCH, Does.DETAILS, Does.SEE, Does.SEE_SMALL])
def test_an_address_with_a_password_is_refused(scene: Proxying, does: Does) -> None:
    host, fetched = scene.site.url.removeprefix("http://"), scene.site.fetches.total()
    url = f"http://user:{PASSWORD}@{host}/a.jpg"
    if does in VIEWS:
        assert_placeholder(say(scene, does, url, V19_4))
    answer = (say_as_backend if does in VIEWS else say)(scene, does, url, V19_4)
    assert (answer.status, answer.json()["code"]) == (400, "download-file-error")
    assert PASSWORD not in read_refusal(answer)
    assert scene.tap.requests == []
    assert scene.site.fetches.total() == fetched


def test_a_refused_picture_is_refused_at_every_step(scene: Proxying) -> None:
    target, before = QUERY.format(next(_numbers)), holding(scene.real)
    url = scene.site.put(target, b"forbidden")
    made, details = make_post(scene, url)
    assert_rejected(made)
    assert (details.status, set(details.json())) == (404, {"code", "msg"})  # pict-rs's own: it has no such picture
    for lemmy in (V19_4, V1):
        for does in VIEWS:
            assert_placeholder(say(scene, does, url, lemmy))
            answer = say_as_backend(scene, does, url, lemmy)
            assert_rejected(answer)
            assert read_refusal(answer)
    assert scene.site.fetches[target] == 1
    assert holding(scene.real) - before == NOTHING


def test_without_the_filter_the_query_is_cut_off(scene: Proxying) -> None:
    # The reason for reading U verbatim: what 0.19 shows of such a picture, directly in front of pict-rs, is an error.
    head, number = first(V19_4, Does.SEE), next(_numbers)
    with Site() as origin:
        url = origin.put(QUERY.format(number), fresh())
        made = first(V19_4, Does.FETCH)
        assert send(scene.real.address, made, **fields(url)).status == 200
        assert send(scene.real.address, head, **fields(url)).status == 500
        assert list(origin.fetches) == [QUERY.format(number), f"/q{number}.jpg?width=640"]
    assert ask(scene.real.address, "GET", "/healthz").status == 200
