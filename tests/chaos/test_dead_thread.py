"""The classifier's thread itself ends, or what runs in it raises what no `except Exception` catches."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.chaos.kills import classifiers, end_thread, fault
from tests.chaos.leaks import assert_nothing_left
from tests.chaos.oracle import unjudged
from tests.chaos.pictures import Gallery
from tests.chaos.scene import Scene, callback_address
from tests.chaos.standin import StandIn
from tests.chaos.storm import calm
from tests.http1 import ask, form

DEADLINE_SECONDS = 3.0
BOUND_SECONDS = 20.0
"""A client that has no answer by then hangs."""


class Dead(BaseException):
    """What no `except Exception` catches; extensions written in Rust raise such when they panic."""


@pytest.fixture
def scene(pictures: Gallery) -> Iterator[Scene]:
    with StandIn() as standin, Scene(standin, pictures, callback_address(), deadline_seconds=DEADLINE_SECONDS) as made:
        calm(made)
        yield made


@pytest.mark.parametrize("what", [Dead(), SystemExit(1), asyncio.CancelledError(), GeneratorExit()], ids=repr)
def test_a_forward_that_raises_no_exception(scene: Scene, pictures: Gallery, what: BaseException) -> None:
    before = scene.rest()
    scene.model.fault = fault(what)
    headers, body = form(pictures.ordinary[0])
    answer = ask(scene.gate.address, "POST", "/image", body, headers, timeout=BOUND_SECONDS)
    assert (answer.status, answer.json()["code"]) == (503, "image-check-unavailable")
    assert unjudged(scene.upstream.raw, scene.upstream.taken, pictures) == []
    calm(scene)
    assert_nothing_left(before, scene.held)


def test_the_thread_is_killed(scene: Scene, pictures: Gallery) -> None:
    end_thread(*classifiers())
    headers, body = form(pictures.ordinary[0])
    # It wakes up, and ends, at this one.
    answer = ask(scene.gate.address, "POST", "/image", body, headers, timeout=BOUND_SECONDS)
    assert answer.status in (201, 503)
    calm(scene)
