"""pict-rs 0.6 asks again for what it has by `?proxy=`: at the second view, and then after an hour at most.

The filter answers: unchanged costs neither bytes nor a verdict, changed is judged anew, and what is refused now is
dropped. What it could not look at stays, for it has passed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from addons.admission import Slot
from tests.conftest import RunReal
from tests.http1 import Answer, Request, ask, upload, write_answer
from tests.real.conftest import (
    ALLOW_LOCAL,
    Scene,
    assert_rejected,
    cat,
    fresh,
    holding,
    looks_like,
    tagged,
    wait_for,
)
from tests.recorder import Answerer

VERSION = "0.6.0-rc.6"
OTHERS = ("goldfish",)
"""Labels of a policy that lets cats pass."""
DATE = "Wed, 21 Oct 2015 07:28:00 GMT"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def scene(run_real: RunReal) -> Iterator[Scene]:
    with Scene(run_real(VERSION, ALLOW_LOCAL)) as scene:
        yield scene


class Viewed:
    """A picture on the site that pict-rs has stored, and asks for again at the next view."""

    def __init__(self, scene: Scene, data: bytes | None = None, first: Answerer | None = None) -> None:
        self._scene = scene
        self.data = data or fresh()
        self.target = f"/{next(_numbers)}.png"
        self.url = scene.site.url + self.target
        self.answer(first or tagged(self.data))
        before = holding(scene.real)
        assert self.shows(self.data)
        self._staged = scene.tap.requests[-1].target
        self._stored = holding(scene.real) - before
        assert len(self._stored.aliases) == 1

    def answer(self, answerer: Answerer) -> None:
        """The site says this from now on."""
        self._scene.site.route(self.target, answerer)

    def view(self, route: str = "original", more: str = "") -> Answer:
        return self._scene.view(self.url, route, more)

    def shows(self, data: bytes) -> bool:
        """Whether a view gives this picture."""
        found = self.view()
        return found.status == 200 and looks_like(found.body, data)

    @property
    def fetches(self) -> list[Request]:
        """What the site was asked for it."""
        return [request for request in self._scene.site.requests if request.target == self.target]

    def assert_kept(self) -> None:
        """pict-rs has it as it was stored at first."""
        had = holding(self._scene.real)
        assert self._stored.aliases <= had.aliases
        assert self._stored.files <= had.files

    def assert_dropped(self) -> None:
        """pict-rs has nothing under that address any more, and the file goes as soon as it has cleaned up."""
        assert ask(self._scene.real.address, "HEAD", self._staged).status == 404
        assert not self._stored.aliases & holding(self._scene.real).aliases
        wait_for(lambda: not self._stored.files & holding(self._scene.real).files)


def plainly(data: bytes, **headers: str) -> Answerer:
    """The picture, whatever is asked."""
    return lambda _: write_answer(200, data, {"Content-Type": "image/png", **headers})


def dated(data: bytes) -> Answerer:
    """A picture with a date, and 304 for whoever has that one."""
    fields = {"Last-Modified": DATE}
    return lambda request: (
        write_answer(304, headers=fields)
        if request.header("if-modified-since") == [DATE]
        else write_answer(200, data, fields)
    )


def test_an_unchanged_picture_costs_neither_bytes_nor_a_verdict(scene: Scene) -> None:
    viewed = Viewed(scene)
    judged, calls = len(scene.gate.decisions), len(scene.asked)
    assert viewed.shows(viewed.data)
    assert [request.header("if-none-match") for request in viewed.fetches] == [[], ['"one"']]
    assert len(scene.asked) == calls + 1
    assert viewed.shows(viewed.data)  # for an hour pict-rs asks no more
    assert (len(viewed.fetches), len(scene.asked)) == (2, calls + 1)
    assert len(scene.gate.decisions) == judged
    viewed.assert_kept()


def test_an_unchanged_picture_is_known_by_its_date(scene: Scene) -> None:
    data = fresh()
    viewed, judged = Viewed(scene, data, dated(data)), len(scene.gate.decisions)
    assert viewed.shows(data)
    assert [request.header("if-modified-since") for request in viewed.fetches] == [[], [DATE]]
    assert len(scene.gate.decisions) == judged
    viewed.assert_kept()


def test_an_unchanged_picture_is_known_by_its_bytes(scene: Scene) -> None:
    # The site says nothing by which it could be asked, so it is fetched; pict-rs hears that nothing has changed.
    data = fresh()
    viewed = Viewed(scene, data, plainly(data))
    assert viewed.shows(data)
    assert viewed.shows(data)
    assert len(viewed.fetches) == 2
    assert scene.gate.decisions[-1].verdict.cached
    viewed.assert_kept()


@pytest.mark.parametrize(
    ("route", "more"),
    [
        ("details/original", ""),
        ("details/process.webp", "&thumbnail=16"),
        ("process_backgrounded.webp", "&thumbnail=16"),
    ],
)
def test_a_look_up_asks_nobody(scene: Scene, route: str, more: str) -> None:
    viewed = Viewed(scene)
    calls = len(scene.asked)
    viewed.view(route, more)
    assert scene.view(viewed.url, method="HEAD").status == 200
    assert (len(viewed.fetches), len(scene.asked)) == (1, calls)


def test_a_changed_picture_is_judged_and_served(scene: Scene) -> None:
    viewed, other = Viewed(scene), fresh()
    judged = len(scene.gate.decisions)
    viewed.answer(tagged(other, '"two"'))
    assert viewed.shows(other)
    assert len(scene.gate.decisions) == judged + 1
    assert viewed.shows(other)
    assert [request.header("if-none-match") for request in viewed.fetches] == [[], ['"one"'], ['"two"']]


@pytest.mark.parametrize(
    ("route", "more"), [("original", ""), ("process.webp", "&thumbnail=16"), ("blurhash", "")], ids=lambda part: part
)
def test_a_picture_that_changed_to_a_forbidden_one_is_dropped(scene: Scene, route: str, more: str) -> None:
    viewed, before = Viewed(scene), holding(scene.real)
    viewed.answer(tagged(cat(), '"two"'))
    assert_rejected(viewed.view(route, more))
    assert scene.gate.decisions[-1].verdict.rule == "no-cats"
    viewed.assert_dropped()
    assert not (holding(scene.real) - before).files
    assert_rejected(viewed.view(route, more))
    assert len(viewed.fetches) == 2  # the second refusal is a remembered one
    viewed.assert_dropped()


def test_a_picture_that_is_ordinary_again_is_served_again(scene: Scene) -> None:
    viewed, again = Viewed(scene), fresh()
    viewed.answer(tagged(cat(), '"two"'))
    assert_rejected(viewed.view())
    scene.restart()  # which forgets the refusal
    viewed.answer(tagged(again, '"three"'))
    assert viewed.shows(again)


@pytest.mark.parametrize(
    "gone",
    [
        pytest.param(lambda _: write_answer(404), id="not found"),
        pytest.param(lambda _: None, id="hangs up"),
        pytest.param(lambda _: write_answer(200, b"<p>hello", {"Content-Type": "text/html"}), id="no picture"),
    ],
)
def test_a_picture_whose_origin_is_gone_is_dropped(scene: Scene, gone: Answerer) -> None:
    viewed = Viewed(scene)
    viewed.answer(gone)
    answer = viewed.view()
    assert (answer.status, answer.json()["files"]) == (400, [])
    assert answer.json()["code"] in ("download-file-error", "failed-external-validation")
    viewed.assert_dropped()
    assert viewed.view().body == answer.body
    assert len(viewed.fetches) == 2


def test_a_stricter_policy_takes_effect(scene: Scene) -> None:
    scene.restart(OTHERS)
    viewed = Viewed(scene, cat())
    scene.restart()
    assert_rejected(viewed.view())
    # the site would have said that nothing has changed: it is not asked that
    assert [request.header("if-none-match") for request in viewed.fetches] == [[], []]
    assert scene.gate.decisions[-1].verdict.rule == "no-cats"
    viewed.assert_dropped()


def test_what_passes_another_policy_too_is_served(scene: Scene) -> None:
    scene.restart(OTHERS)
    viewed = Viewed(scene)
    scene.restart()
    assert viewed.shows(viewed.data)
    assert len(scene.gate.decisions) == 1  # judged anew
    assert viewed.shows(viewed.data)
    assert [request.header("if-none-match") for request in viewed.fetches] == [[], [], ['"one"']]
    assert len(scene.gate.decisions) == 1


def test_the_same_policy_holds_over_a_restart(scene: Scene) -> None:
    viewed = Viewed(scene)
    scene.restart()
    assert viewed.shows(viewed.data)
    assert [request.header("if-none-match") for request in viewed.fetches] == [[], ['"one"']]
    assert scene.gate.decisions == []
    viewed.assert_kept()


def test_a_busy_filter_drops_nothing(scene: Scene) -> None:
    scene.restart(overload={"media_requests": 1})
    viewed = Viewed(scene)
    places: list[Slot | None] = []
    scene.gate.call(lambda: places.append(scene.gate.filter._parts.admission.enter()))
    assert places[0] is not None
    assert upload(scene.gate.address, fresh()).status == 503
    assert viewed.shows(viewed.data)
    scene.gate.call(places[0].leave)
    assert len(viewed.fetches) == 1
    viewed.assert_kept()
