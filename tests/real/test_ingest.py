"""Every way into the store of every pict-rs: what is forbidden never arrives, and what is ordinary is served back.

The model is an ImageNet classifier, and the forbidden class is: cats. "Nothing arrived" is looked up in pict-rs's store
and alias table, and in a tap on the connection to it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from model.card import card
from model.judge import CARD_RULE
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
    pixels,
    tagged,
)

_numbers = itertools.count(1)


@pytest.fixture(scope="module", params=VERSIONS)
def scene(request: pytest.FixtureRequest, run_real: RunReal) -> Iterator[Scene]:
    """One version after the other: mitmproxy knows only one master in a process."""
    with Scene(run_real(request.param, ALLOW_LOCAL), internal_api=("import", "purge", "delete")) as scene:
        yield scene


@dataclass(frozen=True)
class Brought:
    """What came of bringing a file in. `url` is where it can be had, for the ways that name a remote picture."""

    answer: Answer
    url: str = ""
    alias: str = ""


Address = tuple[str, int]
Bring = Callable[[Scene, Address, bytes], Brought]
"""Takes whom to ask, too: the filter, or pict-rs itself."""


def uploading(target: str) -> Bring:
    return lambda scene, at, data: Brought(upload(at, data, target=target))


def importing(scene: Scene, at: Address, data: bytes) -> Brought:
    alias = f"imported-{next(_numbers)}.png"
    headers, body = form(data, filename=alias)
    token = {"x-api-token": scene.real.api_key}
    return Brought(ask(at, "POST", "/internal/import", body, headers | token), alias=alias)


def downloading(more: str) -> Bring:
    def bring(scene: Scene, at: Address, data: bytes) -> Brought:
        url = put_once(scene, data)
        return Brought(ask(at, "GET", f"/image/download?url={escaped(url)}{more}"), url)

    return bring


def viewing(route: str, more: str = "") -> Bring:
    def bring(scene: Scene, at: Address, data: bytes) -> Brought:
        url = scene.site.route(f"/{next(_numbers)}.png?a=1&b=2", tagged(data))
        return Brought(ask(at, "GET", f"/image/{route}?proxy={escaped(url)}{more}"), url)

    return bring


def put_once(scene: Scene, data: bytes) -> str:
    """Whoever asks the site a second time gets a cat."""
    return scene.site.put(f"/{next(_numbers)}.png?a=1&b=2", data, cat())


def fetches(scene: Scene, url: str) -> int:
    return scene.site.fetches[url.removeprefix(scene.site.url)]


@dataclass(frozen=True)
class Way:
    """A way into pict-rs's store, and the lines of versions that have it."""

    bring: Bring
    lines: frozenset[str]

    @property
    def is_view(self) -> bool:
        """Whether it goes on to pict-rs at once, which then asks the filter for the file."""
        return self.lines == FROM_0_5


ALL, FROM_0_4, FROM_0_5 = (frozenset(("0.3", "0.4", "0.5", "0.6")[first:]) for first in range(3))
WAYS = {
    "upload": Way(uploading("/image"), ALL),
    "upload and resize": Way(uploading("/image?resize=60"), ALL),
    "backgrounded upload": Way(uploading("/image/backgrounded"), FROM_0_4),
    "import": Way(importing, ALL),
    "download": Way(downloading(""), ALL),
    "download and resize": Way(downloading("&resize=60"), ALL),
    "download in the foreground": Way(downloading("&backgrounded=false"), ALL),
    "download in the background": Way(downloading("&backgrounded=true"), FROM_0_4),
    "view": Way(viewing("original"), FROM_0_5),
    "thumbnail": Way(viewing("process.webp", "&thumbnail=16"), FROM_0_5),
    "blurhash": Way(viewing("blurhash"), FROM_0_5),
}


@pytest.fixture(params=WAYS)
def name(request: pytest.FixtureRequest) -> str:
    way: str = request.param
    return way


@pytest.mark.parametrize("forbidden", [cat, card])
def test_what_is_forbidden_never_arrives(scene: Scene, name: str, forbidden: Callable[[], bytes]) -> None:
    way, before, forwarded = WAYS[name], holding(scene.real), scene.forwarded
    brought = way.bring(scene, scene.gate.address, forbidden())
    assert holding(scene.real) - before == NOTHING
    if way.is_view and scene.line not in way.lines:
        assert fetches(scene, brought.url) == 0  # such a pict-rs does not know `proxy=`, and so asks nobody
        return
    assert_rejected(brought.answer)
    assert scene.gate.decisions[-1].verdict.rule == ("no-cats" if forbidden is cat else CARD_RULE)
    if not way.is_view:
        assert scene.forwarded == forwarded
    if brought.alias:
        assert scene.get(f"/image/original/{brought.alias}").status == 404


def test_what_is_ordinary_is_served_back(scene: Scene, name: str) -> None:
    way, data, before = WAYS[name], fresh(), holding(scene.real)
    brought = way.bring(scene, scene.gate.address, data)
    if scene.line not in way.lines:
        assert holding(scene.real) - before == NOTHING
        assert brought.answer.status >= 400
        if name != "download in the background":  # of which 0.3 itself makes a download in the foreground
            direct = way.bring(scene, scene.real.address, data).answer
            assert (brought.answer.status, brought.answer.body) == (direct.status, direct.body)
        return
    assert not brought.url or fetches(scene, brought.url) == 1
    if way.is_view:
        assert brought.answer.status == 200, brought.answer.body
        served = scene.view(brought.url).body
    else:
        served = scene.served(brought.answer)
    if "resize" in name and scene.line in FROM_0_5:  # older ones do not know it
        assert pixels(served).shape == (40, 60, 3)
    else:
        assert looks_like(served, data)
    assert len((holding(scene.real) - before).aliases) == (1 if scene.line in FROM_0_5 else 0)
    if brought.alias:
        assert scene.get(f"/image/original/{brought.alias}").status == 200
